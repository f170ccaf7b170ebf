"""Feeds of one row a product: our own CSV and JSON Lines, and Google Merchant's tables.

Our own columns are sku, name_en, name_zh, category, gtin, price, currency, stock, availability, warranty_en,
warranty_zh and photos (one address a line in the cell); `en:material` and `zh:材质` are attributes by the shop's own
names. A line of JSON has the fields of `records.py`.

A line is a row by itself, but where a quotation mark opens a cell and a later line closes it. A mark that nothing
closes, such as that of an inch, is text, and costs no other row.
"""

import csv
import json
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, TextIO

from rapidfuzz.distance import OSA

from shop.feeds.google import COLUMNS, record_from_google
from shop.feeds.rows import MOST_CHARACTERS, FeedError, Row, lines_of
from shop.products.product import LANGUAGES

_PLAIN = ("sku", "category", "gtin", "price", "currency", "stock", "availability")
_TEXTS = ("name_en", "name_zh", "warranty_en", "warranty_zh")
_MOST_LINES = 250
"""Lines of one row; of photos, 200 are taken."""
_MOST_SHOWN = 10
_CELLS = {mark: re.compile(rf'(?:^|{mark})("(?:[^"]|"")*+"(?={mark}|\Z)|[^{mark}]*)') for mark in ",\t"}
_QUOTED = re.compile(r'"(?:[^"]|"")*+"')
_DOUBT = "lines of a cell look like rows of their own: is a quotation mark left open?"
_OPEN = "a cell begins with a quotation mark that does not end it: it was read as it stands"


def rows_of_csv(stream: TextIO) -> Iterator[Row]:
    """Read our own columns.

    Raises:
        FeedError: the first line does not name them.
    """
    expected = f"{', '.join((*_PLAIN, *_TEXTS))}, photos, en:NAME and zh:NAME"
    header = _header(stream, ",", "sku", f"as CSV it must name sku, and may name {expected}")
    if unknown := [name for name in header if name and not _is_known(name)]:
        raise FeedError(f"the first line names {_shown(unknown)}, but {expected} are the columns that are known")
    for place, cells, reason in _table(stream, ",", header):
        yield Row(place, None if cells is None else _record(cells), reason)


def rows_of_google_tsv(stream: TextIO) -> Iterator[Row]:
    """Read Google Merchant's tab-separated columns.

    Raises:
        FeedError: the first line does not name them.
    """
    header = _header(stream, "\t", "id", "as Google's table with tabs it must name id, and may title, price and others")
    header = [name.lower().removeprefix("g:").replace(" ", "_") for name in header]
    note = _misspelt(header)
    for place, cells, reason in _table(stream, "\t", header):
        record = None if cells is None else record_from_google({name: [text] for name, text in cells.items()})
        yield Row(place, record, "; ".join(filter(None, (reason, note))))
        note = ""


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


def _header(stream: TextIO, delimiter: str, key: str, expected: str) -> list[str]:
    header = [name.strip() for name in _cells(next(lines_of(stream), ""), delimiter, 0)[0]]
    names = [name.lower().removeprefix("g:") for name in header if name]
    if twice := [name for number, name in enumerate(names) if name in names[:number]]:
        raise FeedError(f"the first line names {_shown(twice)} twice: name each column once")
    if key not in names:
        hint = ". They are separated by ;: save the file with commas" if ";" in header[0] else ""
        raise FeedError(f"the first line names {_shown(header)}; {expected}{hint}")
    return header


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_SHOWN} more" if len(names) > _MOST_SHOWN else ""
    return ", ".join(repr(name[:40]) for name in names[:_MOST_SHOWN]) + more


def _misspelt(header: Sequence[str]) -> str:
    """Name columns that are not known, but nearly those that lack."""
    found = []
    for known in (one for one in COLUMNS if one not in header):
        near = [
            one for one in header if one not in COLUMNS and OSA.distance(one, known) <= (1 if len(known) < 7 else 2)
        ]
        found += [f"the first line names no column {known!r}; {one[:40]!r} is not known: is it meant?" for one in near]
    return "; ".join(found)


def _table(stream: TextIO, delimiter: str, header: Sequence[str]) -> Iterator[tuple[str, dict[str, str] | None, str]]:
    """Give the place and the cells of each row, None where they are not those of one, and what is to say of it."""
    lines, ahead, last, width = lines_of(stream), deque[str](), 1, len(header)
    while line := ahead.popleft() if ahead else next(lines, ""):
        first = last = last + 1
        if '"' in line and (found := _quoted_row(line, ahead, lines, delimiter, width)):
            cells, count, note = found
            for _ in range(count):
                ahead.popleft()
            last = first + count
        else:
            cells, is_open = _cells(line, delimiter, width)
            note = _OPEN if is_open else ""
        place = f"line {first}" if last == first else f"lines {first} to {last}"
        if any(cells) and len(cells) != width:
            reason = f"{len(cells)} columns came, but {width} are expected: is a quotation mark left open?"
            yield place, None, reason
        elif any(cells):
            yield place, dict(zip(header, cells, strict=True)), note


def _quoted_row(
    line: str, ahead: deque[str], lines: Iterator[str], delimiter: str, width: int
) -> tuple[list[str], int, str] | None:
    """Return the cells of a row that this line begins, how many lines follow it, which stay in `ahead`, and a note.

    None: they are not those of one; or this line is a row by itself, and so are most that follow. Of CSV, there are
    three of these at least: two lines of a text may have as many commas.
    """
    reader = csv.reader(chain([line], _looked_at(ahead, lines)), delimiter=delimiter, strict=True)
    try:
        cells = next(reader)
    except csv.Error:
        return None
    count = reader.line_num - 1

    def is_row(one: str) -> bool:
        found = _cells(one, delimiter, width)[0] if one.count(delimiter) >= width - 1 else []
        return len(found) == width and "://" not in found[0]

    rows = sum(map(is_row, islice(ahead, count))) if is_row(line) else 0
    are_rows = rows >= (3 if delimiter == "," else 1) and 2 * rows >= count
    return None if len(cells) != width or are_rows else (cells, count, _DOUBT if rows else "")


def _looked_at(ahead: deque[str], lines: Iterator[str]) -> Iterator[str]:
    """Give the lines that follow, which stay in `ahead`, as many as one row may have."""
    yield from tuple(ahead)
    left = MOST_CHARACTERS - sum(map(len, ahead))
    while left > 0 and len(ahead) < _MOST_LINES and (line := next(lines, "")):
        ahead.append(line)
        left -= len(line)
        yield line


def _cells(line: str, delimiter: str, width: int) -> tuple[list[str], bool]:
    """Give the cells of a line by itself, and whether one of them begins with a quotation mark that does not end it.

    Args:
        width: number of cells in a row; tabs that part a line into so many stand between cells, also within quotes.
    """
    text = line.rstrip("\r\n")
    cells = text.split(delimiter)
    if '"' not in text:
        return cells, False
    if delimiter == "," or len(cells) != width:
        cells = _CELLS[delimiter].findall(text)
    read = [cell[1:-1].replace('""', '"') if cell[:1] == '"' and _QUOTED.fullmatch(cell) else cell for cell in cells]
    return read, any(cell is same and cell.startswith('"') for cell, same in zip(cells, read, strict=True))


def _is_known(column: str) -> bool:
    prefix, colon, _ = column.lower().partition(":")
    return column.lower() in (*_PLAIN, *_TEXTS, "photos") or (bool(colon) and prefix in LANGUAGES)


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
        elif colon:
            record.setdefault("attributes", {}).setdefault(prefix.lower(), {})[attribute.strip()] = text
    return record
