"""Facts about a product out of what was read on it: amounts, dates, prices, numbers. Pure: it asks nobody.

A fact is only taken from a line that is sure, and only as that line says it; what could be read in two ways is left
out. Needs `vitrine-client[facts]`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import TYPE_CHECKING, Any

from vitrine_client.extras import package

if TYPE_CHECKING:
    from vitrine_client.reading import Code, Reading

_UNITS = {
    "g": "g", "克": "g", "kg": "kg", "千克": "kg", "公斤": "kg", "mg": "mg", "毫克": "mg", "ml": "ml", "毫升": "ml",
    "l": "l", "升": "l", "cl": "cl", "oz": "oz", "lb": "lb", "斤": "catty", "fl oz": "fl oz",
}  # fmt: skip
_PINT_NAMES = {
    "l": "liter",
    "ml": "milliliter",
    "cl": "centiliter",
    "fl oz": "fluid_ounce",
    "lb": "pound",
    "oz": "ounce",
}
_SPANS = {
    "天": "days", "日": "days", "day": "days", "days": "days", "个月": "months", "月": "months", "month": "months",
    "months": "months", "年": "years", "year": "years", "years": "years",
}  # fmt: skip
_CURRENCIES = {"$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY", "元": "CNY"}
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_SPAN = "|".join(sorted(_SPANS, key=len, reverse=True))
_NUMBER = r"(?<![\d.,])(?P<amount>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)(?![\d.,]*\d)"
"""A number, with commas between thousands or without; one that is written in any other way is none."""
_END = r"(?![a-z\d/*×xX拉降快持])"
"""What may not follow a unit: the rest of another word, or a factor."""
_AMOUNT = rf"{_NUMBER}\s*(?P<unit>{_UNIT}){_END}(?!\s*\d)"
_DAY = (
    r"(?<!\d)(?P<year>20\d\d)(?:(?P<sign>[-/.])(?P<month>\d\d?)(?P=sign)(?P<day>\d\d?)"
    r"|\s*年\s*(?P<month_zh>\d\d?)\s*月\s*(?P<day_zh>\d\d?)\s*日?|(?P<month_plain>\d\d)(?P<day_plain>\d\d))(?!\d)"
)
"""A whole day; a month alone is none."""
_NET = r"(?<![a-z])(?:net\s*(?:wt|weight|contents?)\.?|净含量|净重)"
_PIECES = r"pcs|pieces|capsules|tablets|片装|袋装|支装|粒装|个装|枚装"
_MADE = r"(?<![a-z])(?:mfg|mfd|made\s*on|production\s*date|manufactured(?:\s*on)?)|生产日期|制造日期"
_UNTIL = r"(?<![a-z])(?:best\s*(?:before|by)|exp(?:iry)?(?:\s*date)?|use\s*by)|有效期至|保质期至|限用日期"
_LIFE = r"(?<![a-z])shelf\s*life|保质期|有效期"
_COLON = r"\.?\s?:?\s?"
_STANDARD = (
    r"(?<![A-Za-z\d])(?:(?P<body>(?:GB|QB|FZ)\s?/\s?[TZ])\s?(?P<number>\d{3,5}(?:\.\d+)?(?:-\d{4})?)"
    r"|(?P<plain>GB)\s?(?P<plain_number>\d{4,5}(?:\.\d+)?(?:-\d{4})?)"
    r"|(?P<world>ISO|EN)\s?(?P<world_number>\d{3,5}[-:]\d{4}))(?!\d)"
)
"""One of China's, or an international one with its year: without, ISO 3200 is a camera's."""
_MODEL = r"(?P<value>(?!\d+\s?(?:cm|mm|kg|m)$)(?=[A-Z/.-]*\d)[A-Z0-9][A-Z0-9/.-]*[A-Z0-9])"
_NOT_A_PRICE = re.compile(
    r"满|减|券|优惠|赠|省|原价|运费|邮费|押金|起|save|off\b|coupon|discount|\bwas\b|over\b|\bfrom\b|shipping|delivery|postage"
    r"|deposit|\d\s?(?:for|x|×)\s|\bno price",
    re.IGNORECASE,
)
_OTHER_MATTER = re.compile(r"开封|开启后|不适用|不适合|after open|once open|not (?:for|fit)|n[o']t fit", re.IGNORECASE)
"""In a line that is about something else than the product as it is sold."""
_NOT_AN_ITEM = re.compile(
    r"卡号|账号|帐号|电话|订单|单号|序列号|card|account|tel|phone|order|serial|s/n", re.IGNORECASE
)
"""In a line whose long number is no item's."""
_CONFUSED = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1"})
_MOST_CONFUSED = 2
_LONG_NUMBER = re.compile(r"(?<![\w.,/-])(?<!\d )[\dOolI|](?: ?[\dOolI|]){11,13}(?! ?\d)(?![\w.,/-])")
_ELSEWHERE = re.compile(r"详?见|参见|see\b|refer\b", re.IGNORECASE)
"""At the beginning of a value that is a pointer to another place."""
_CODES_OF_ITEMS = ("EAN-13", "EAN-8", "UPC-A", "ITF-14")


@dataclass(frozen=True)
class Fact:
    """One fact that a line or a code of a photo proves."""

    kind: str
    """One of net_content, count, price, made, best_before, shelf_life, model, size, percentage, standard, ingredients,
    gtin."""
    value: str
    """In one form: "500 g", "2026-03-15", "12.90 CNY", "12 months"."""
    si_value: str | None
    """Amount in SI units, such as "0.5 kg"; None where there is none."""
    printed: str
    """The part of the line that says it, letters and signs brought to one width."""
    line: int | None
    """Number of the line in `Reading.lines`; None: a code says it."""
    confidence: float | None
    """Confidence of that line; 1 of a code, whose check digit was right."""
    note: str = ""
    """What the number itself tells, such as the GS1 office that gave a barcode."""


def facts_in(reading: "Reading") -> tuple[Fact, ...]:
    """Find the facts of a reading, in the order of its lines; codes come last.

    Raises:
        InvalidRequestError: the packages of `vitrine-client[facts]` are not installed; says how.
    """
    for name in ("biip", "pint"):  # whatever the photo says
        package(name, "facts")
    facts = []
    for number, line in enumerate(reading.lines):
        if line.status != "sure":
            continue
        plain = unicodedata.normalize("NFKC", line.text)
        for kind, value, si_value, printed, note in _facts_of(plain):
            facts.append(Fact(kind, value, si_value, printed, number, line.confidence, note))
    numbers = ((code.text, _gtin_of_code(code)) for code in reading.codes)
    facts += [Fact("gtin", found[0], None, text, None, 1.0, found[1]) for text, found in numbers if found]
    return tuple(facts)


_Found = tuple[str, str, str | None, str, str]
"""Kind, value, value in SI units, what is printed, note."""


def _facts_of(text: str) -> Iterator[_Found]:
    if _OTHER_MATTER.search(text):
        return
    for pattern, read in _PATTERNS:
        for match in pattern.finditer(text):
            yield from read(match)
    for number in () if _NOT_AN_ITEM.search(text) else _LONG_NUMBER.findall(text):
        digits = number.replace(" ", "")
        # O for 0 and l for 1 are put right where the check digit then proves the whole, and there are few of them.
        is_clear = sum(not character.isdecimal() for character in digits) <= _MOST_CONFUSED
        if is_clear and (found := _gtin(digits.translate(_CONFUSED))):
            yield "gtin", found[0], None, number, found[1]


def _amount(match: re.Match[str]) -> str:
    return match["amount"].replace(",", "")


def _from(match: re.Match[str], group: str) -> str:
    """The part of a match from a group on."""
    return match[0][match.start(group) - match.start() :]


def _net(match: re.Match[str]) -> Iterator[_Found]:
    unit = _UNITS[re.sub(r"\s+", " ", match["unit"].lower())]
    if not float(_amount(match)):
        return
    yield "net_content", f"{_amount(match)} {unit}", _si(float(_amount(match)), unit), _from(match, "amount"), ""


def _count(match: re.Match[str]) -> Iterator[_Found]:
    yield "count", _amount(match), None, match[0], ""


def _date(kind: str) -> Callable[[re.Match[str]], Iterator[_Found]]:
    def read(match: re.Match[str]) -> Iterator[_Found]:
        month, day = (match[name] or match[f"{name}_zh"] or match[f"{name}_plain"] for name in ("month", "day"))
        try:
            found = date(int(match["year"]), int(month), int(day))
        except ValueError:
            return
        yield kind, found.isoformat(), None, _from(match, "year"), ""

    return read


def _life(match: re.Match[str]) -> Iterator[_Found]:
    value = f"{int(match['count'])} {_SPANS[match['span'].lower()]}"
    yield "shelf_life", value, None, _from(match, "count"), ""


def _price(match: re.Match[str]) -> Iterator[_Found]:
    _, _, cents = _amount(match).partition(".")
    if len(cents) in (0, 2) and float(_amount(match)) and not _NOT_A_PRICE.search(match.string):
        yield "price", f"{_amount(match)} {_CURRENCIES[match['sign']]}", None, match[0], ""


def _percentage(match: re.Match[str]) -> Iterator[_Found]:
    if float(_amount(match)) <= 100:
        yield "percentage", f"{_amount(match)} %", None, match[0], ""


def _standard(match: re.Match[str]) -> Iterator[_Found]:
    body = match["body"] or match["plain"] or match["world"]
    number = match["number"] or match["plain_number"] or match["world_number"]
    yield "standard", f"{body.replace(' ', '')} {number}", None, match[0], ""


def _ingredients(match: re.Match[str]) -> Iterator[_Found]:
    value = match["value"].strip()
    is_whole = value and value[-1] not in ",、,;；("  # else the list goes on in another line
    if is_whole and not _ELSEWHERE.match(value):
        yield "ingredients", value, None, value, ""


def _text(kind: str) -> Callable[[re.Match[str]], Iterator[_Found]]:
    def read(match: re.Match[str]) -> Iterator[_Found]:
        yield kind, match["value"], None, match["value"], ""

    return read


def _pattern(text: str, flags: int = re.IGNORECASE) -> re.Pattern[str]:
    return re.compile(text, flags)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[_Found]]], ...] = (
    (_pattern(rf"{_NET}{_COLON}{_AMOUNT}"), _net),
    (_pattern(rf"(?<!\w){_NUMBER}\s?(?:{_PIECES})(?![a-z\s])"), _count),
    (_pattern(rf"(?:{_MADE}){_COLON}{_DAY}"), _date("made")),
    (_pattern(rf"(?:{_UNTIL}){_COLON}{_DAY}"), _date("best_before")),
    (_pattern(rf"(?:{_LIFE}){_COLON}(?P<count>\d{{1,3}})\s?(?P<span>{_SPAN})(?![a-z\d半])(?!\s*\d)"), _life),
    (_pattern(rf"(?<![A-Z])(?P<sign>[$€£¥])\s?{_NUMBER}(?!\s?[%\w])"), _price),
    (_pattern(rf"(?<![\w第])(?:[^\d]*价\s?:?\s?)?{_NUMBER}\s?(?P<sign>元)(?!\w)"), _price),
    (_pattern(rf"{_NUMBER}\s?%"), _percentage),
    (_pattern(_STANDARD, 0), _standard),
    (_pattern(r"(?:(?<![a-z])ingredients|配料表?)\s?:\s?(?P<value>.+)"), _ingredients),
    (_pattern(rf"(?:型号|(?<![a-z])model(?:\s?no)?)\.?\s?:\s?{_MODEL}$"), _text("model")),
    (_pattern(r"(?:尺码|号型|(?:^|[^a-z ] ?)size)\s?:\s?(?P<value>[A-Z0-9/]+)$"), _text("size")),
)  # fmt: skip


def _gtin_of_code(code: "Code") -> tuple[str, str] | None:
    return _gtin(code.text) if code.kind in _CODES_OF_ITEMS else None


def _gtin(digits: str) -> tuple[str, str] | None:
    """The number of a trade item, as GTIN-8, -12, -13 or -14, and who gave it; None: it is none."""
    if not digits.isdecimal() or len(digits) not in (8, 12, 13, 14):
        return None
    try:
        found = package("biip.gtin", "facts").Gtin.parse(digits)
    except package("biip", "facts").ParseError:
        return None
    return digits, found.prefix.usage if found.prefix else ""


def _si(amount: float, unit: str) -> str | None:
    if unit == "catty":
        return f"{amount / 2:g} kg"
    quantity = _registry().Quantity(amount, _PINT_NAMES.get(unit, unit)).to_base_units()
    return f"{quantity.magnitude:.6g} {quantity.units:~P}"


@cache
def _registry() -> Any:
    return package("pint", "facts").UnitRegistry()
