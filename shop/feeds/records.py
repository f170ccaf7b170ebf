"""A product from what a feed says of it, or the reason why it is none.

A record has `sku`, and may have `names` and `warranty` (texts by language), `category`, `gtin`, `price` ("59.00 CNY",
or a number beside `currency`), `stock`, `availability`, `attributes` (by language, then by name) and `photos`. Texts
stay as they are: what looks like a formula or a script is one that nobody runs.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from biip.checksums import gs1_standard_check_digit

from shop.feeds.prices import price_from_text
from shop.products.product import LANGUAGES, Language, Product

FIELDS = ("sku", "names", "category", "gtin", "price", "currency", "stock", "availability", "warranty", "attributes",
          "photos")  # fmt: skip
_MOST_TEXT = 2_000
_MOST_ENTRIES = 200
_MOST_STOCK = 2**31 - 1
_SKU = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff]{1,200}")
_AVAILABILITY: dict[str, bool | None] = {
    "instock": True, "limitedavailability": True, "onlineonly": True, "yes": True, "true": True, "outofstock": False,
    "soldout": False, "discontinued": False, "no": False, "false": False, "preorder": None, "presale": None,
    "backorder": None, "madetoorder": None, "instoreonly": None, "reserved": None, "": None,
}  # fmt: skip


def product_from_record(shop: str, record: Mapping[str, Any]) -> tuple[Product, list[str]]:
    """Check a record.

    Returns:
        The product, and what was left out of it, such as a GTIN whose check digit is wrong.

    Raises:
        ValueError: it is no product; says what came and what is expected.
    """
    if unknown := next((str(name) for name in record if name not in FIELDS), None):
        meant = 'for names write {"names": {"en": "Mug"}}' if unknown == "name" else f"{', '.join(FIELDS)} are"
        raise ValueError(f"the field {unknown[:40]!r} is not known: {meant}")
    sku = _text(record.get("sku"), "sku")
    if not _SKU.fullmatch(sku):
        raise ValueError("a SKU is expected, of 1 to 200 characters in one line")
    gtin = re.sub(r"[\s-]", "", _text(record.get("gtin"), "gtin"))
    notes = [] if not gtin or is_gtin(gtin) else ["its GTIN is left out: the length or the check digit is wrong"]
    product = Product(
        shop=shop,
        sku=sku,
        names=_by_language(record.get("names"), "names"),
        category=_text(record.get("category"), "category"),
        gtin="" if notes else gtin,
        price=price_from_text(_text(record.get("price"), "price"), _text(record.get("currency"), "currency")),
        stock=_stock(_text(record.get("stock"), "stock")),
        is_in_stock=_is_in_stock(_text(record.get("availability"), "availability")),
        warranty=_by_language(record.get("warranty"), "warranty"),
        attributes=_attributes(record.get("attributes")),
        photos=tuple(_text(photo, "photos") for photo in _list(record.get("photos"))),
    )
    return product, notes


_EXAMPLES = {"names": '{"en": "Mug"}', "warranty": '{"en": "2 years"}', "attributes": '{"en": {"material": "clay"}}'}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


def is_gtin(digits: str) -> bool:
    """Tell whether digits are a GTIN-8, -12, -13 or -14 with a right check digit."""
    if len(digits) not in (8, 12, 13, 14) or not (digits.isascii() and digits.isdecimal()):
        return False
    return bool(gs1_standard_check_digit(digits[:-1]) == int(digits[-1]))


def _text(value: Any, name: str) -> str:
    if value is None or isinstance(value, bool):
        return "" if value is None else str(value).lower()
    if not isinstance(value, str | int | float):
        raise ValueError(f"{name}: a text is expected")
    text = str(value).strip()
    if len(text) > _MOST_TEXT:
        raise ValueError(f"{name}: {len(text)} characters came, but {_MOST_TEXT} at most are expected")
    if _NO_TEXT.search(text):
        raise ValueError(f"{name}: NUL or half a character came: no text has them")
    if "\ufffd" in text:
        raise ValueError(f"{name}: characters that cannot be read: save the file as UTF-8")
    return text


def _list(value: Any) -> Iterable[Any]:
    found = value if isinstance(value, list | tuple) else [value]
    if len(found) > _MOST_ENTRIES:
        raise ValueError(f"{len(found)} entries in one list came, but {_MOST_ENTRIES} at most are expected")
    return [one for one in found if one not in (None, "")]


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value or {}, Mapping) or len(value or {}) > _MOST_ENTRIES:
        raise ValueError(f"{name}: at most {_MOST_ENTRIES} names with their values are expected")
    return value or {}


def _languages(value: Any, name: str) -> Iterable[tuple[Language, Any]]:
    if value and not isinstance(value, Mapping):
        raise ValueError(f"{name}: values by language are expected, such as {_EXAMPLES[name]}")
    found = _mapping(value, name)
    if unknown := next((str(key) for key in found if key not in LANGUAGES), None):
        raise ValueError(f"{name}: the language {unknown[:20]!r} came, but {' or '.join(LANGUAGES)} is expected")
    return [(language, found[language]) for language in LANGUAGES if language in found]


def _by_language(value: Any, name: str) -> dict[Language, str]:
    texts = {language: _text(text, name) for language, text in _languages(value, name)}
    return {language: text for language, text in texts.items() if text}


def _attributes(value: Any) -> dict[Language, dict[str, str]]:
    found: dict[Language, dict[str, str]] = {}
    for language, pairs in _languages(value, "attributes"):
        texts = {_text(name, "attributes"): _text(text, str(name)[:40])
                 for name, text in _mapping(pairs, "attributes").items()}  # fmt: skip
        if told := {name: text for name, text in texts.items() if name and text}:
            found[language] = told
    return found


def _stock(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdecimal()) or int(text) > _MOST_STOCK:
        raise ValueError(f"stock: {text[:40]!r} came, but a whole number is expected, 0 or more")
    return int(text)


def _is_in_stock(text: str) -> bool | None:
    word = re.sub(r"[\s_]", "", text.rpartition("/")[2]).lower()
    if word not in _AVAILABILITY:
        raise ValueError(f"availability: {text[:40]!r} came, but such as 'in stock' or 'out of stock' is expected")
    return _AVAILABILITY[word]
