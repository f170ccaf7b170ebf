"""What `python -m shop` does."""

import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tqdm import tqdm
from vitrine_client import VitrineError, VqaClient

from command_line.errors import UsageError
from shop.facts.listing_check import Checked, check_products
from shop.feeds.importing import format_of, import_feed
from shop.options import CheckOptions, ImportOptions, IndexOptions, store_url
from shop.products.store import ProductStore
from shop.vectors.indexing import index_products

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "facts"), autoescape=True, undefined=StrictUndefined
)
_TIMEOUT_S = 60.0


def import_products(options: ImportOptions) -> int:
    """Returns the exit status: 1 where a row was bad."""
    kind = format_of(options.feed) if options.format == "auto" else options.format
    try:
        with ProductStore(store_url(options.store)) as store:
            imported = import_feed(options.feed, options.shop, store, kind=kind)
    except VitrineError as error:
        return _failed(error)
    for problem in imported.problems[: options.show]:
        print(problem, file=sys.stderr)
    changes = imported.changes
    print(
        f"{changes.added} added, {changes.changed} changed, {changes.same} the same; {imported.bad} bad rows, "
        f"{imported.notes} notes"
    )
    return 1 if imported.bad else 0


def check_listings(options: CheckOptions) -> int:
    """Returns the exit status."""
    try:
        with ProductStore(store_url(options.store)) as store, VqaClient(options.url, timeout_s=_TIMEOUT_S) as client:
            products = tqdm(store.all(options.shop), total=store.count(options.shop), desc="listings", disable=None)
            checked = list(
                check_products(client, products, options.photos, threshold=options.threshold, threads=options.threads)
            )
    except VitrineError as error:
        return _failed(error)
    write_report(options.output, options.shop, checked)
    asked, found = counts(checked)
    fields = ", ".join(f"{field}: {found[field]} of {asked[field]}" for field in asked)
    not_asked = sum(bool(one.problem) for one in checked)
    print(
        f"contradicted listings: {fields or 'none that could be checked'}; {not_asked} without a photo; "
        f"{options.output}"
    )
    return 0


def index_photos(options: IndexOptions) -> int:
    """Returns the exit status: 1 where nothing was indexed."""
    try:
        with ProductStore(store_url(options.store)) as store, VqaClient(options.url, timeout_s=_TIMEOUT_S) as client:
            products = tqdm(store.all(options.shop), total=store.count(options.shop), desc="photos", disable=None)
            done, lost = index_products(
                client, products, options.photos, options.vectors, threads=options.threads, switches=options.switch,
                keeps=options.keep,
            )  # fmt: skip
    except VitrineError as error:
        return _failed(error)
    print(f"{done} products can be found by what they look like; {lost} have no photo that can be read")
    return 0 if done else 1


def counts(checked: Iterable[Checked]) -> tuple[Counter[str], Counter[str]]:
    """Count listings that were checked, and those that are contradicted, by field."""
    asked: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for one in checked:
        asked.update(one.asked)
        found.update(contradiction.field for contradiction in one.contradictions)
    return asked, found


def write_report(file: Path, shop: str, checked: list[Checked]) -> None:
    """Write a page, or JSON Lines of one contradiction each.

    Raises:
        UsageError: it cannot be written there.
    """
    asked, found = counts(checked)
    rows = [contradiction for one in checked for contradiction in one.contradictions]
    if file.suffix == ".jsonl":
        text = "".join(json.dumps(asdict(row), ensure_ascii=False) + "\n" for row in rows)
    else:
        text = _TEMPLATES.get_template("listings.html.j2").render(
            shop=shop, products=len(checked), asked=asked, found=found, rows=rows,
            not_asked=sum(bool(one.problem) for one in checked),
        )  # fmt: skip
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {file.name} ({error.strerror}): name another place"
        ) from error


def _failed(error: VitrineError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 1
