"""Google Merchant feeds: XML (RSS 2.0 and Atom), and what its fields mean."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, TextIO
from xml.parsers import expat

from shop.feeds.rows import MOST_CHARACTERS, FeedError, Row
from shop.products.language import language_of

_CHUNK_CHARACTERS = 1 << 16
_GOOGLE = "http://base.google.com/ns/1.0 "
_ITEMS = ("item", "entry")
_ATTRIBUTES = {
    "brand": "品牌", "color": "颜色", "size": "尺码", "material": "材质", "pattern": "图案", "gender": "适用性别",
    "age_group": "适用年龄", "condition": "新旧程度", "mpn": "型号", "product_weight": "重量", "product_length": "长度",
    "product_width": "宽度", "product_height": "高度", "unit_pricing_measure": "净含量", "sale_price": "促销价",
}  # fmt: skip
COLUMNS = ("id", "title", "product_type", "google_product_category", "gtin", "price", "sale_price_effective_date",
           "quantity", "sell_on_google_quantity", "availability", "warranty", "product_detail", "image_link",
           "additional_image_link", *_ATTRIBUTES)  # fmt: skip
_NEXT_DETAIL = re.compile(r",(?=[^:,]*:[^:,]*:)")
"""Between "section:name:value" and the next one, in a table's cell."""
_ENGLISH = {"mpn": "model", "unit_pricing_measure": "net content"}


def record_from_google(fields: Mapping[str, list[str]]) -> dict[str, Any]:
    """Read one item.

    A sale price without dates is the price; with dates it is an attribute, since it does not hold at all times.

    Args:
        fields: values by Google's names, without `g:`.
    """
    first = {name: values[0].strip() for name, values in fields.items() if values and values[0]}
    title = first.get("title", "")
    language = language_of(title)
    attributes = {}
    for name in (one for one in _ATTRIBUTES if one in first):
        attributes[_ATTRIBUTES[name] if language == "zh" else _name(name)] = first[name]
    for detail in fields.get("product_detail", ()):
        for one in _NEXT_DETAIL.split(detail):
            parts = one.split(":", 2)
            attributes["".join(parts[-2:-1]).strip()] = parts[-1].strip()
    dates = first.get("sale_price_effective_date")
    sale = first.get("sale_price") if not dates else None
    if dates and "sale_price" in first:
        attributes["促销价" if language == "zh" else _name("sale_price")] = f"{first['sale_price']} ({dates})"
    elif sale:
        del attributes["促销价" if language == "zh" else _name("sale_price")]
    more_photos = [one for text in fields.get("additional_image_link", ()) for one in text.split(",")]
    return {
        "sku": first.get("id", ""),
        "names": {language: title},
        "category": first.get("product_type") or first.get("google_product_category", ""),
        "gtin": first.get("gtin", ""),
        "price": sale or first.get("price", ""),
        "stock": first.get("quantity") or first.get("sell_on_google_quantity", ""),
        "availability": first.get("availability", ""),
        "warranty": {language: first.get("warranty", "")},
        "attributes": {language: attributes},
        "photos": [first.get("image_link", ""), *more_photos],
    }


def _name(field: str) -> str:
    return _ENGLISH.get(field, field.removeprefix("product_").replace("_", " "))


def rows_of_google_xml(stream: TextIO) -> Iterator[Row]:
    """Read items one by one.

    Raises:
        FeedError: there is a document type, with which a small file can grow without end.
    """
    items = _Items()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, _: items.start(name, parser.CurrentLineNumber)
    parser.EndElementHandler = lambda _: items.end()
    parser.CharacterDataHandler = items.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        for chunk in iter(partial(stream.read, _CHUNK_CHARACTERS), ""):
            parser.Parse(chunk)
            yield from items.taken()
        parser.Parse("", True)
        yield from items.taken()
    except expat.ExpatError as error:
        yield from items.taken()
        reason = f"not XML ({expat.ErrorString(error.code)}): what follows is not read"
        yield Row(f"line {error.lineno}", None, reason)


def _refuse(*_: Any) -> None:
    raise FeedError("the feed has a document type (<!DOCTYPE ...>), which no product feed needs: remove it")


class _Items:
    """Items of a document, gathered as its parts come."""

    def __init__(self) -> None:
        self._path: list[str] = []
        self._item_depth, self._line, self._length, self._reason = 0, 0, 0, ""
        self._fields: dict[str, list[str]] = {}
        self._inner: list[str] = []
        self._texts: list[str] = []
        self._ready: list[Row] = []

    def taken(self) -> list[Row]:
        ready, self._ready = self._ready, []
        return ready

    def start(self, name: str, line: int) -> None:
        self._path.append(name)
        self._texts = []
        if not self._item_depth and name.rpartition(" ")[2] in _ITEMS:
            self._item_depth, self._line, self._length, self._reason = len(self._path), line, 0, ""
            self._fields = {}
        elif len(self._path) == self._item_depth + 1:
            self._inner = []

    def text(self, text: str) -> None:
        self._length += len(text)
        if self._item_depth and self._length <= MOST_CHARACTERS:
            self._texts.append(text)

    def end(self) -> None:
        name, text, self._texts = self._path.pop(), "".join(self._texts).strip(), []
        depth = len(self._path) + 1 - self._item_depth
        if not self._item_depth:
            return
        if depth == 0:
            place, self._item_depth = f"line {self._line}", 0
            reason = "the item is too long" if self._length > MOST_CHARACTERS else self._reason
            self._ready.append(Row(place, None if reason else record_from_google(self._fields), reason))
        elif depth > 1:
            self._inner.append(text)
        elif name.startswith(_GOOGLE) or name.rpartition(" ")[2] != "id":  # Atom has an id of its own
            field = name.rpartition(" ")[2]
            if field == "title" and self._inner:
                self._reason = "elements stand inside the title: write < as &lt;"
            self._fields.setdefault(field, []).append(":".join(self._inner) if self._inner else text)
