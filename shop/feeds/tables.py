"""Feeds of one row a product: our own CSV and JSON Lines, and Google Merchant's tables.

Our own columns are sku, name_en, name_zh, category, gtin, price, currency, stock, availability, warranty_en,
warranty_zh and photos (one address a line in the cell); `en:material` and `zh:材质` are attributes by the shop's own
names. A line of JSON has the fields of `records.py`.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from shop.feeds.google import record_from_google
from shop.feeds.rows import MOST_CHARACTERS, FeedError, Row, lines_of
from shop.products.product import LANGUAGES

_PLAIN = ("sku", "category", "gtin", "price", "currency", "stock", "availability")


def rows_of_csv(stream: TextIO) -> Iterator[Row]:
    """Read our own columns.

    Raises:
        FeedError: the first line does not name them.
    """
    for place, cells, reason in _table(stream, ",", "sku"):
        yield Row(place, None if reason else _record(cells), reason)


def rows_of_google_tsv(stream: TextIO) -> Iterator[Row]:
    """Read Google Merchant's tab-separated columns.

    Raises:
        FeedError: the first line does not name them.
    """
    for place, cells, reason in _table(stream, "\t", "id"):
        record = {} if reason else {name.lower().removeprefix("g:").replace(" ", "_"): [text]
                                    for name, text in cells.items()}  # fmt: skip
        yield Row(place, None if reason else record_from_google(record), reason)


def rows_of_jsonl(stream: TextIO) -> Iterator[Row]:
    for number, line in enumerate(lines_of(stream), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line, parse_float=str, parse_int=str, parse_constant=str)
            reason = "" if isinstance(record, dict) else "an object in { } is expected"
        except (ValueError, RecursionError) as error:
            too_long = len(line) >= MOST_CHARACTERS
            reason = "the line is too long" if too_long else f"not JSON ({getattr(error, 'msg', 'nested too deep')})"
        yield Row(f"line {number}", None if reason else record, reason)


def _table(stream: TextIO, delimiter: str, key: str) -> Iterator[tuple[str, dict[str, str], str]]:
    reader = csv.reader(lines_of(stream), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
    except csv.Error as error:
        raise FeedError(
            f"the first line of the feed cannot be read ({error}): columns with their names are expected"
        ) from error
    names = [name.lower().removeprefix("g:") for name in header]
    if key not in names or len(set(names)) != len(names):
        raise FeedError(
            f"the first line of the feed names no column {key!r}, or one of them twice: is its format right?"
        )
    while True:
        start = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield _lines(start, reader.line_num), {}, f"not a row ({error}): is a quotation mark left open?"
            continue
        if cells is None:
            return
        if cells and len(cells) != len(header):
            reason = f"{len(cells)} columns came, but {len(header)} are expected: is a quotation mark left open?"
            yield _lines(start, reader.line_num), {}, reason
        elif any(cells):
            yield _lines(start, reader.line_num), dict(zip(header, cells, strict=True)), ""


def _lines(first: int, last: int) -> str:
    return f"line {first}" if last <= first else f"lines {first} to {last}"


def _record(cells: Mapping[str, str]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for column, text in cells.items():
        name, _, language = column.lower().rpartition("_")
        prefix, colon, attribute = column.partition(":")
        if column.lower() in _PLAIN:
            record[column.lower()] = text
        elif column.lower() == "photos":
            record["photos"] = text.split("\n")
        elif name in ("name", "warranty") and language in LANGUAGES:
            record.setdefault("names" if name == "name" else name, {})[language] = text
        elif colon and prefix.lower() in LANGUAGES:
            record.setdefault("attributes", {}).setdefault(prefix.lower(), {})[attribute.strip()] = text
        else:
            record[column] = text  # refused by its name
    return record
