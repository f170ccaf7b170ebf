"""Products of schema.org as JSON-LD: a file of it, or an HTML page that carries it."""

import json
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any, TextIO

from shop.feeds.rows import FeedError, Row
from shop.products.language import language_of
from shop.products.product import Language

_MOST_CHARACTERS = 64_000_000
_ATTRIBUTES = {
    "brand": ("brand", "品牌"), "color": ("color", "颜色"), "material": ("material", "材质"), "size": ("size", "尺码"),
    "pattern": ("pattern", "图案"), "weight": ("weight", "重量"), "width": ("width", "宽度"),
    "height": ("height", "高度"),
    "depth": ("depth", "深度"), "model": ("model", "型号"), "mpn": ("model", "型号"),
    "countryOfOrigin": ("country of origin", "产地"),
}  # fmt: skip
_UNITS = {
    "KGM": "kg", "GRM": "g", "LBR": "lb", "ONZ": "oz", "CMT": "cm", "MMT": "mm", "MTR": "m", "INH": "in", "LTR": "l",
    "MLT": "ml", "ANN": "years", "MON": "months", "DAY": "days",
}  # fmt: skip
"""UN/CEFACT's codes of units, as they are written."""
_UNITS_ZH = {"ANN": "年", "MON": "个月", "DAY": "天"}
_GTINS = ("gtin", "gtin14", "gtin13", "gtin12", "gtin8")
_INSIDE = ("@graph", "hasVariant", "itemListElement", "item", "mainEntity")


def rows_of_json_ld(stream: TextIO) -> Iterator[Row]:
    """Read a file of JSON-LD (one product, a list, or @graph), or every such script of an HTML page.

    Raises:
        FeedError: it is too large to be read at once.
    """
    text = stream.read(_MOST_CHARACTERS + 1)
    if len(text) > _MOST_CHARACTERS:
        raise FeedError(f"JSON-LD of more than {_MOST_CHARACTERS} characters came: split it, or write JSON Lines")
    number = 0
    for script in _scripts(text) if text.lstrip().startswith("<") else [text]:
        try:
            found = list(_products(json.loads(script, parse_float=str, parse_int=str, parse_constant=str)))
        except (ValueError, RecursionError) as error:
            number += 1
            yield Row(f"item {number}", None, f"not JSON ({getattr(error, 'msg', 'nested too deep')})")
            continue
        for product in found:
            number += 1
            try:
                yield Row(f"item {number}", *_record(product))
            except RecursionError:
                yield Row(f"item {number}", None, "nested too deep")


def _scripts(page: str) -> list[str]:
    scripts: list[str] = []

    class Scripts(HTMLParser):
        is_inside = False

        def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
            self.is_inside = tag == "script" and ("type", "application/ld+json") in attributes
            if self.is_inside:
                scripts.append("")

        def handle_data(self, data: str) -> None:
            if self.is_inside:
                scripts[-1] += data

        def handle_endtag(self, tag: str) -> None:
            self.is_inside = False

    parser = Scripts()
    parser.feed(page)
    parser.close()
    return scripts


def _products(node: Any) -> Iterator[Mapping[str, Any]]:
    for one in _list(node):
        if isinstance(one, Mapping):
            kinds = [str(kind).rpartition("/")[2] for kind in _list(one.get("@type"))]
            if "Product" in kinds or "IndividualProduct" in kinds:
                yield one
            for name in _INSIDE:
                yield from _products(one.get(name))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]


def _record(node: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return what `product_from_record` takes, and a note on what was left out."""
    names = _texts(node.get("name"))
    language: Language = next(iter(names), "en")
    offers = [one for one in _list(node.get("offers")) if isinstance(one, Mapping)]
    prices = {_price(offer) for offer in offers}
    stocks = {str(offer.get("availability") or "") for offer in offers}
    attributes: dict[str, dict[str, Any]] = {}
    for name, shown in _ATTRIBUTES.items():
        for written, text in _texts(node.get(name)).items():
            attributes.setdefault(written if name != "brand" else language, {})[shown[language == "zh"]] = text
    for one in (one for one in _list(node.get("additionalProperty")) if isinstance(one, Mapping)):
        label = str(one.get("name") or "")
        attributes.setdefault(language_of(label), {})[label] = _quantity(one, language_of(label))
    has_several = len(prices) > 1 or any("highPrice" in offer for offer in offers if not _price(offer))
    return {
        "sku": _first(node, ("sku", "productID", "mpn")),
        "names": names,
        "category": next(iter(_texts(node.get("category")).values()), ""),
        "gtin": _first(node, _GTINS),
        "price": prices.pop() if len(prices) == 1 else None,  # of several, none is the product's
        "availability": stocks.pop() if len(stocks) == 1 else None,
        "warranty": _warranty(offers, language),
        "attributes": attributes,
        "photos": [_plain(photo) for photo in _list(node.get("image"))],
    }, "its price is left out: it is offered at several" if has_several else ""


def _first(node: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    return next((node[name] for name in names if node.get(name)), "")


def _price(offer: Mapping[str, Any]) -> str:
    amount = offer.get("price")
    if amount is None and offer.get("lowPrice") == offer.get("highPrice"):
        amount = offer.get("lowPrice")
    for one in _list(offer.get("priceSpecification")) if amount is None else ():
        if isinstance(one, Mapping):
            return _price(one)
    return "" if amount in (None, "") else f"{amount} {offer.get('priceCurrency') or ''}".strip()


def _texts(value: Any) -> dict[Language, str]:
    """Texts by language, of a text, a thing with a name, a quantity, or a list of them."""
    found: dict[Language, str] = {}
    for one in _list(value):
        text = _plain(one)
        said = str(one.get("@language", ""))[:2] if isinstance(one, Mapping) else ""
        language: Language = "zh" if said == "zh" else "en" if said == "en" else language_of(text)
        if text:
            found.setdefault(language, text)
    return found


def _plain(value: Any) -> str:
    if not isinstance(value, Mapping):
        return "" if value is None else str(value)
    for name in ("@value", "name", "url", "contentUrl"):
        if value.get(name):
            return _plain(value[name])
    return _quantity(value, "en")


def _quantity(value: Mapping[str, Any], language: Language) -> str:
    code = str(value.get("unitCode") or "")
    unit = value.get("unitText") or (_UNITS_ZH.get(code) if language == "zh" else None) or _UNITS.get(code, code)
    return f"{value.get('value', '')} {unit}".strip()


def _warranty(offers: list[Mapping[str, Any]], language: Language) -> dict[Language, str]:
    promises = [one for offer in offers for one in _list(offer.get("warranty")) if isinstance(one, Mapping)]
    spans = [one for promise in promises if isinstance(one := promise.get("durationOfWarranty"), Mapping)]
    found = {_quantity(span, language) for span in spans}
    return {language: found.pop()} if len(found) == 1 else {}
