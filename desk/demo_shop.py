"""`python -m desk.demo_shop`: a shop of drawn products with facts, and the desk that knows them."""

import json
import random
import sys
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from tqdm import tqdm
from vitrine_client import VqaClient

from catalogue.attributes import CATEGORIES, COLOURS, PATTERNS, word
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Count, Folder, Port, Positional
from shop.products.product import LANGUAGES, Money, Product
from shop.products.store import ProductStore
from shop.vectors.indexing import index_products

SHOP = ""
"""Whoever reaches a desk without keys is this shop."""
_RULES = """\
rules:
  - asks: [allergy]
    do: hand_over
"""
_MATERIALS = (("cotton", "棉"), ("steel", "不锈钢"), ("bamboo", "竹"), ("glass", "玻璃"))


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


def drawn_product(number: int) -> Product:
    """Make up a product around a drawn photo; the same number gives the same."""
    attributes = attributes_from_seed(first_seed("test") + number)
    draw = random.Random(f"demo shop {number}")
    material = draw.choice(_MATERIALS)
    months = draw.choice((6, 12, 24))
    said = {
        language: {
            "material" if language == "en" else "材质": material[place],
            "colour" if language == "en" else "颜色": word(COLOURS, attributes.colour, language),
            "pattern" if language == "en" else "图案": word(PATTERNS, attributes.pattern, language),
        }
        for place, language in enumerate(LANGUAGES)
    }
    category = word(CATEGORIES, attributes.category, "en")
    return Product(
        shop=SHOP,
        sku=f"P{number:05}",
        names={
            "en": f"{word(COLOURS, attributes.colour, 'en').capitalize()} {category}",
            "zh": f"{word(COLOURS, attributes.colour, 'zh')}{word(CATEGORIES, attributes.category, 'zh')}",
        },
        category=category,
        price=Money(Decimal(draw.randrange(900, 30_000)).scaleb(-2), "CNY"),
        stock=draw.choice((0, 3, 12, 140)),
        warranty={"en": f"{months} months", "zh": f"{months} 个月"},
        attributes=said,
        photos=(f"P{number:05}.jpg",),
    )


def vectors_url(options: DemoShopOptions) -> str:
    return f"edge://{options.folder.absolute()}/vectors"


def fill(options: DemoShopOptions, url: str) -> None:
    """Draw what is not there yet, import it, and index it with the server at `url`."""
    photos = options.folder / "photos"
    photos.mkdir(parents=True, exist_ok=True)
    products = [drawn_product(number) for number in range(options.products)]
    for number, product in enumerate(tqdm(products, desc="photos", disable=None)):
        file = photos / product.photos[0]
        if not file.exists():
            file.write_bytes(photo_from_seed(first_seed("test") + number, long_side_px=(300, 400)).jpeg_bytes())
    (options.folder / "rules.yaml").write_text(_RULES, "utf-8")
    with ProductStore(f"sqlite:///{options.folder}/products.db") as store, VqaClient(url, timeout_s=60) as client:
        changes = store.put(products)
        bar = tqdm(products, desc="vectors", disable=None)
        done, _ = index_products(client, bar, photos, vectors_url(options))
    print(f"{changes.added} products added, {changes.same} the same; {done} can be found by what they look like")


def what_to_try(options: DemoShopOptions) -> str:
    photo, base = f"{options.folder}/photos/P00003.jpg", f"http://127.0.0.1:{options.port}"
    asked: Any = json.dumps(["How much is it?", "还有货吗？", "保修多久？", "What colour is it?"], ensure_ascii=False)
    return "\n".join(
        [
            f"open {base}/ , choose {photo}, name the product P00003, and ask: {asked}",
            "then look for similar products: blue, under 100 yuan; 要红色的，50元以内，有货",
            f'curl -s {base}/v1/answers -F photo=@{photo} -F product=P00003 -F "question=How much is it?"',
            f'curl -s {base}/v1/similar -F product=P00003 -F "wish=blue, under 100 yuan"',
        ]
    )


def main() -> int:
    options = options_from_arguments(DemoShopOptions, "python -m desk.demo_shop")
    from desk.options import DeskOptions
    from desk.run import serve_desk
    from serving.supervision.server import EmbeddedServer
    from serving.triton.command import ServerSettings

    settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
    with EmbeddedServer(settings) as server:
        fill(options, server.url)
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
                vectors=vectors_url(options),
            )
        )


if __name__ == "__main__":
    sys.exit(exit_status(main))
