"""`python -m desk.demo_shop`: a shop of drawn products with facts, and the desk that knows them."""

import sys
from dataclasses import dataclass
from pathlib import Path

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Count, Folder, Port, Positional


@dataclass(frozen=True)
class DemoShopOptions:
    """Draw products with prices, stock and warranties, import them, index their photos, and open the desk.

    Example: python -m desk.demo_shop build/vitrine-small
    """

    repository: Positional[Path]
    """A built repository."""
    folder: Folder = Path("build/demo-shop")
    """Folder for photos, products and vectors; what is there already is used again."""
    products: Count = 2000
    """Products to draw."""
    port: Port = 8080
    """Port of the desk."""


def what_to_try(options: DemoShopOptions) -> str:
    sku = f"P{min(3, options.products - 1):05}"
    photo, base = f"{options.folder}/photos/{sku}.jpg", f"http://127.0.0.1:{options.port}"
    return "\n".join(
        [
            f"open {base}/ , choose {photo}, name the product {sku}, and ask:",
            "    How much is it?    还有货吗？    保修多久？    What colour is it?",
            "then look for similar products: blue, under 100 yuan; 要红色的，50元以内，有货",
            f'curl -s {base}/v1/answers -F photo=@{photo} -F product={sku} -F "question=How much is it?"',
            f'curl -s {base}/v1/similar -F product={sku} -F "wish=blue, under 100 yuan"',
        ]
    )


def main() -> int:
    options = options_from_arguments(DemoShopOptions, "python -m desk.demo_shop")
    from desk.demo_products import fill, vectors_url  # brings gRPC, which --help does not need
    from desk.options import DeskOptions
    from desk.run import serve_desk
    from serving.supervision.server import EmbeddedServer
    from serving.triton.command import ServerSettings

    settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
    with EmbeddedServer(settings) as server:
        fill(options.folder, options.products, server.url)
        print(what_to_try(options), flush=True)
        folder = options.folder
        return serve_desk(
            DeskOptions(
                url=server.url,
                port=options.port,
                store=f"sqlite:///{folder}/desk.db",
                photos=folder / "desk-photos",
                products=f"sqlite:///{folder}/products.db",
                rules=folder / "rules.yaml",
                vectors=vectors_url(folder),
            )
        )


if __name__ == "__main__":
    sys.exit(exit_status(main))
