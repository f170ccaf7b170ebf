"""Options of `python -m desk`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.values import Argument, Count, File, Folder, Port, Seconds, number

_days = number("a number of days, up to 36,500,", lambda found: 0 < found <= 36_500)


@dataclass(frozen=True)
class DeskOptions:
    """Serve the desk: answers over HTTP, a page to ask on, and an inbox for what a model hands over.

    Without --keys it is for this machine alone: whoever reaches the port is the shop. Its address is printed.

    Examples:
      python -m desk build/vitrine-small
      python -m desk --url triton:8001 --host 0.0.0.0 --keys keys.yaml
    """

    repository: Annotated[Path | None, Argument(is_positional=True, metavar="REPOSITORY")] = None
    """Built repository, which is served embedded (default: none; a server is named with --url)."""
    url: str | None = None
    """A server that runs already, host:port."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: Port = 8080
    """Port to listen at; 0 takes any free one."""
    keys: File | None = None
    """Shops and their keys: the gateway's file."""
    web_hooks: File | None = None
    """YAML of shops' names and the https:// addresses that people's answers are sent to."""
    store: str | None = None
    """Database of the inbox: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME (default: $VITRINE_FEEDBACK, where
    a password is safe, else sqlite:///desk.db)."""
    products: Annotated[str | None, Argument(metavar="URL")] = None
    """Database of the shops' products, as of python -m shop import, and of its kinds (default: $VITRINE_PRODUCTS, else
    none: nothing is known but photos)."""
    rules: File | None = None
    """YAML of the shops' rules on who answers what; see docs/how-to/catalogue-facts.md."""
    vectors: Annotated[str | None, Argument(metavar="URL")] = None
    """Vectors of the products' photos, as of python -m shop index (default: none: nothing similar is found)."""
    photos: Folder = Path("desk-photos")
    """Folder of kept photos."""
    keep_days: Annotated[float | None, Argument(_days, "DAYS")] = None
    """How long photos of questions in the inbox are kept, so that people see them (default: they are not kept)."""
    metrics_port: Port | None = None
    """Port for Prometheus, at the same address (default: none)."""
    rate: Count = 50
    """Requests a second of one shop; as many more may come at once."""
    under_way: Count = 64
    """Requests of one shop at a time."""
    timeout_s: Seconds = 10.0
    """Deadline of a question."""

    def __post_init__(self) -> None:
        if (self.repository is None) == (self.url is None):
            raise ValueError("name a built repository, or a server with --url: one of them")
        if (self.rules or self.vectors) and not (self.products or os.environ.get("VITRINE_PRODUCTS")):
            raise ValueError("--rules and --vectors are of products: name their database with --products")
        if self.keys is None and self.host not in ("127.0.0.1", "::1", "localhost"):
            raise ValueError(f"--host {self.host} lets others in, who need keys: name a file with --keys")
