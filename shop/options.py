"""Options of `python -m shop`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from command_line.values import Argument, Count, ExistingFolder, File, Positional, WholeNumber, number

STORE_VARIABLE = "VITRINE_PRODUCTS"


def _shop_name(text: str) -> str:
    if text and not text.strip():
        raise ValueError("blanks came, but the name of a shop is expected, or nothing where it has none")
    return text


ShopName = Annotated[str, Argument(_shop_name, "SHOP")]
_share = number("a number from 0 to 1", lambda found: 0 <= found <= 1)


@dataclass(frozen=True)
class ImportOptions:
    """Read a shop's products from a feed into the store.

    Good rows are kept where others are bad; the same feed again changes nothing. Products that it does not name stay.

    Examples:
      python -m shop import products.tsv --shop tea-house
      python -m shop import products.xml --shop tea-house --store postgresql://shop@database/shop

    Exit status 1: a row was bad.
    """

    feed: Positional[Path]
    """File of the feed: UTF-8, UTF-16 or GB18030."""
    shop: ShopName
    """Whose products they are."""
    store: str | None = None
    """Database of products: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME (default: $VITRINE_PRODUCTS, where a
    password is safe, else sqlite:///products.db)."""
    format: Literal["auto", "google-tsv", "google-xml", "json-ld", "csv", "jsonl"] = "auto"
    """Format of the feed."""
    show: WholeNumber = 20
    """Bad rows and notes that are printed, of all that are counted."""


@dataclass(frozen=True)
class CheckOptions:
    """Find products whose photo shows another colour or category than their listing says.

    Each first photo that is a file is asked about. The report is for the shop; buyers are not told.

    Example:
      python -m shop check --shop tea-house --url localhost:8001 --photos photos/ --output report.html
    """

    shop: ShopName
    """Whose products are checked."""
    url: str
    """Address of a server, host:port."""
    output: File
    """Report: a page where the name ends in .html, JSON Lines where it ends in .jsonl."""
    store: str | None = None
    """Database of products, as of import."""
    photos: ExistingFolder = Path()
    """Folder that the products' paths of photos stand in."""
    threshold: Annotated[float, Argument(_share, "SHARE")] = 0.995
    """Probability from which a listing is called wrong."""
    threads: Count = 4
    """Photos asked about at once."""
    show: WholeNumber = 20
    """Products left out that are printed with the reason."""

    def __post_init__(self) -> None:
        if self.output.suffix not in (".html", ".jsonl"):
            raise ValueError(f"--output: a file that ends in .html or .jsonl is expected, not {self.output.name}")


@dataclass(frozen=True)
class IndexOptions:
    """Let products be found by what they look like: embed their first photos, and keep the vectors.

    The vectors of the server's release are filled while those of the release before serve. With the last shop, --switch
    lets them serve at once, for all shops.

    Example:
      python -m shop index --shop tea-house --url localhost:8001 --photos photos/
    """

    shop: ShopName
    """Whose products are indexed."""
    url: str
    """Address of a server, host:port."""
    vectors: str = "edge:///./vectors"
    """Where vectors are: edge:///FOLDER, qdrant://[:KEY@]HOST:6334 or postgresql://USER:PASSWORD@HOST/NAME."""
    store: str | None = None
    """Database of products, as of import."""
    photos: ExistingFolder = Path()
    """Folder that the products' paths of photos stand in."""
    threads: Count = 4
    """Photos embedded at once."""
    show: WholeNumber = 20
    """Products left out that are printed with the reason."""
    keep: bool = False
    """Keep the vectors of photos that are indexed, and renew only what is filtered by, such as prices. Where another
    photo has the same name now, leave this out."""
    switch: bool = False
    """Let the vectors of this release serve from then on, for all shops (the first ever do so by themselves)."""


def store_url(given: str | None) -> str:
    return given or os.environ.get(STORE_VARIABLE) or "sqlite:///products.db"
