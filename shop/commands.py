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
from vitrine_client.feedback.database import FeedbackError

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
    _show(imported.problems[: options.show])
    changes = imported.changes
    print(
        f"{changes.added} added, {changes.changed} changed, {changes.same} the same; {imported.bad} bad rows, "
        f"{imported.notes} notes"
    )
    return 1 if imported.bad else 0


def check_listings(options: CheckOptions) -> int:
    """Returns the exit status."""
    try:
        with _filled_store(options) as store, VqaClient(options.url, timeout_s=_TIMEOUT_S) as client:
            products = tqdm(store.all(options.shop), total=store.count(options.shop), desc="listings", disable=None)
            checked = list(
                check_products(client, products, options.photos, threshold=options.threshold, threads=options.threads)
            )
    except VitrineError as error:
        return _failed(error)
    write_report(options.output, options.shop, checked)
    asked, found = counts(checked)
    fields = ", ".join(f"{field}: {found[field]} of {asked[field]}" for field in asked)
    problems = [f"{one.sku}: {one.problem}" for one in checked if one.problem]
    _show(problems[: options.show])
    print(
        f"contradicted listings: {fields or 'none that could be checked'}; {len(problems)} left out; {options.output}"
    )
    return 0


def index_photos(options: IndexOptions) -> int:
    """Returns the exit status: 1 where nothing was indexed."""
    try:
        with _filled_store(options) as store, VqaClient(options.url, timeout_s=_TIMEOUT_S) as client:
            products = tqdm(store.all(options.shop), total=store.count(options.shop), desc="photos", disable=None)
            done, problems = index_products(
                client, products, options.photos, options.vectors, threads=options.threads, switches=options.switch,
                keeps=options.keep,
            )  # fmt: skip
    except VitrineError as error:
        return _failed(error)
    _show(problems[: options.show])
    print(f"{done} products are indexed by their photos; {len(problems)} left out")
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
            left_out=[one for one in checked if one.problem],
        )  # fmt: skip
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8", errors="replace")
    except OSError as error:
        raise UsageError(
            f"the report cannot be written to {file.name} ({error.strerror}): name another place"
        ) from error


def _filled_store(options: CheckOptions | IndexOptions) -> ProductStore:
    """Open a store that has products of the shop; a file of SQLite that is not there is not made.

    Raises:
        FeedbackError: there are none, or the store does not answer.
    """
    url = store_url(options.store)
    file = Path(url.partition("?")[0].removeprefix("sqlite:///"))
    if not url.startswith("sqlite:///") or file.exists():
        store = ProductStore(url)
        if store.count(options.shop):
            return store
        store.close()
    place = file.name if url.startswith("sqlite:///") else "the database"
    raise FeedbackError(
        f"shop {options.shop!r} has no products in {place}: are --shop and --store those of the import?"
    )


def _show(problems: Iterable[str]) -> None:
    for problem in problems:
        print(problem, file=sys.stderr)


def _failed(error: VitrineError) -> int:
    print(f"error: {error}", file=sys.stderr)
    return 1
