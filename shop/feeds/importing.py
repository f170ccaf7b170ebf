"""A whole feed into a store."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Literal, TextIO, get_args

from tqdm import tqdm

from shop.feeds.google import rows_of_google_xml
from shop.feeds.records import product_from_record
from shop.feeds.rows import FeedError, Row, open_feed
from shop.feeds.schema_org import rows_of_json_ld
from shop.feeds.tables import rows_of_csv, rows_of_google_tsv, rows_of_jsonl
from shop.products.product import Product
from shop.products.store import BATCH, Changes, ProductStore

Format = Literal["google-tsv", "google-xml", "json-ld", "csv", "jsonl"]
_READERS: dict[Format, Callable[[TextIO], Iterator[Row]]] = {
    "google-tsv": rows_of_google_tsv, "google-xml": rows_of_google_xml, "json-ld": rows_of_json_ld, "csv": rows_of_csv,
    "jsonl": rows_of_jsonl,
}  # fmt: skip
_MOST_KEPT = 1_000
_HEAD_CHARACTERS = 65_536


@dataclass
class Imported:
    """What came of a feed."""

    changes: Changes = field(default_factory=Changes)
    bad: int = 0
    """Rows that are no products."""
    notes: int = 0
    """Rows of which something was left out, or that a later one of the same SKU replaces."""
    problems: list[str] = field(default_factory=list)
    """Places and reasons of both, the first thousand."""

    def note(self, place: str, reason: str) -> None:
        if len(self.problems) < _MOST_KEPT:
            self.problems.append(f"{place}: {reason}")


def import_feed(file: Path, shop: str, store: ProductStore, *, kind: Format | None = None) -> Imported:
    """Put the products of a feed into a store, row by row; good rows are kept where others are bad.

    The feed is read twice, so that of several rows with one SKU the last counts, and a second import changes nothing.
    Products that the feed does not name stay.

    Args:
        kind: None: told from how the file begins.

    Raises:
        FeedError: the file cannot be read at all.
        FeedbackError: the store does not answer; what was written until then stays.
    """
    kind = kind or format_of(file)
    last: dict[str, str] = {}
    rows = 0
    for place, product, _ in _products(file, shop, kind):
        rows += 1
        if product is not None:
            last[product.sku] = place
    if not rows:
        raise FeedError(f"no product stands in the feed {file.name}, read as {kind}: is that its format?")
    imported = Imported()
    with tqdm(total=rows, desc=f"products of {shop}", unit=" rows", disable=None) as progress:
        kept = _kept(file, shop, kind, last, imported, progress)
        while batch := list(islice(kept, BATCH)):
            imported.changes += store.put(batch)
    return imported


def _kept(
    file: Path, shop: str, kind: Format, last: dict[str, str], imported: Imported, progress: "tqdm[Any]"
) -> Iterator[Product]:
    for place, product, reasons in _products(file, shop, kind):
        progress.update()
        if product is None:
            imported.bad += 1
        elif last[product.sku] != place:
            reasons = [*reasons, f"its SKU {product.sku} stands in {last[product.sku]} again, which counts"]
        imported.notes += product is not None and bool(reasons)
        for reason in reasons:
            imported.note(place, reason)
        if product is not None and last[product.sku] == place:
            yield product


def _products(file: Path, shop: str, kind: Format) -> Iterator[tuple[str, Product | None, list[str]]]:
    with open_feed(file) as stream:
        for row in _READERS[kind](stream):
            if row.record is None:
                yield row.place, None, [row.reason]
                continue
            notes = [row.reason] if row.reason else []
            try:
                product, more = product_from_record(shop, row.record)
                yield row.place, product, notes + more
            except ValueError as error:
                yield row.place, None, [str(error), *notes]


def format_of(file: Path) -> Format:
    """Tell a feed's format from how it begins.

    Raises:
        FeedError: it is empty, or cannot be read.
    """
    with open_feed(file) as stream:
        head = stream.read(_HEAD_CHARACTERS).lstrip()
    if not head:
        raise FeedError(f"the feed {file.name} is empty: one of {', '.join(get_args(Format))} is expected")
    if head.startswith("<"):
        return "google-xml" if "<rss" in head or "<feed" in head else "json-ld"
    if head.startswith("["):
        return "json-ld"
    if head.startswith("{"):
        return "json-ld" if '"@context"' in head or '"@graph"' in head else "jsonl"
    return "google-tsv" if "\t" in head.split("\n")[0] else "csv"
