"""Facts about a product out of what was read on it: amounts, dates, prices, numbers. Pure: it asks nobody.

A fact is only taken from a line that is sure, and only as that line says it. Needs `vitrine-client[facts]`.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from vitrine_client.reading import Reading

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
_AMOUNT = rf"(?P<amount>\d+(?:\.\d+)?)\s*(?P<unit>{_UNIT})(?![a-z])"
_DAY = r"(?P<year>20\d\d)\s*(?:[-/.]|年)?\s*(?P<month>\d\d?)\s*(?:[-/.]|月)?\s*(?P<day>\d\d?)(?!\d)"
_NET = r"(?:net\s*(?:wt|weight|contents?)\.?|contents|净含量|净重|规格)"
_MADE = r"(?:mfg|mfd|made\s*on|production\s*date|manufactured(?:\s*on)?|生产日期|制造日期)"
_UNTIL = r"(?:best\s*(?:before|by)|exp(?:iry)?(?:\s*date)?|use\s*by|有效期至|保质期至|限用日期)"
_LIFE = r"(?:shelf\s*life|保质期|有效期)"
_PIECES = "pcs|pieces|capsules|tablets|片装?|袋装?|支装?|粒装?|个装|包装|枚装?"
_BODY = r"GB\s*/\s*[TZ]|GB|QB\s*/\s*T|FZ\s*/\s*T|ISO|EN"
_COLON = r"\.?\s*[::]?\s*"
_CONFUSED = str.maketrans({"O": "0", "o": "0", "l": "1", "I": "1", "|": "1"})
_LONG_NUMBER = re.compile(r"(?<![\w])[\dOolI|][\dOolI|\s]{6,18}[\dOolI|](?![\w])")


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
    """The part of the line that says it, as it was read."""
    line: int | None
    """Number of the line in `Reading.lines`; None: a code says it."""
    confidence: float | None
    """Of that line; 1 of a code, whose check digit was right."""
    note: str = ""
    """What the number itself tells, such as the GS1 office that gave a barcode."""


def facts_in(reading: "Reading") -> tuple[Fact, ...]:
    """Find the facts of a reading, in the order of its lines; codes come last.

    Raises:
        ImportError: the packages of `vitrine-client[facts]` are not installed; says how.
    """
    facts = []
    for number, line in enumerate(reading.lines):
        if line.status != "sure":
            continue
        plain = unicodedata.normalize("NFKC", line.text)
        for kind, value, si_value, printed, note in _facts_of(plain):
            facts.append(Fact(kind, value, si_value, printed, number, line.confidence, note))
    numbers = ((code.text, _gtin(code.text)) for code in reading.codes)
    facts += [Fact("gtin", found[0], None, text, None, 1.0, found[1]) for text, found in numbers if found]
    return tuple(facts)


_Found = tuple[str, str, str | None, str, str]
"""Kind, value, value in SI units, what is printed, note."""


def _facts_of(text: str) -> Iterator[_Found]:
    for pattern, read in _PATTERNS:
        for match in pattern.finditer(text):
            yield from read(match)
    for number in _LONG_NUMBER.findall(text):
        digits = re.sub(r"\s", "", number)
        # O for 0 and l for 1 are put right where the check digit proves it, and nowhere else.
        if found := _gtin(digits) or _gtin(digits.translate(_CONFUSED)):
            yield "gtin", found[0], None, number, found[1]


def _net(match: re.Match[str]) -> Iterator[_Found]:
    unit = _UNITS[re.sub(r"\s+", " ", match["unit"].lower())]
    printed = match[0][match.start("amount") - match.start() :]
    yield "net_content", f"{match['amount']} {unit}", _si(float(match["amount"]), unit), printed, ""


def _count(match: re.Match[str]) -> Iterator[_Found]:
    yield "count", match["amount"], None, match[0], ""


def _date(kind: str) -> Callable[[re.Match[str]], Iterator[_Found]]:
    def read(match: re.Match[str]) -> Iterator[_Found]:
        try:
            day = date(int(match["year"]), int(match["month"]), int(match["day"]))
        except ValueError:
            return
        yield kind, day.isoformat(), None, match[0][match.start("year") - match.start() :], ""

    return read


def _life(match: re.Match[str]) -> Iterator[_Found]:
    printed = match[0][match.start("amount") - match.start() :]
    yield "shelf_life", f"{int(match['amount'])} {_SPANS[match['span'].lower()]}", None, printed, ""


def _price(match: re.Match[str]) -> Iterator[_Found]:
    yield "price", f"{match['amount']} {_CURRENCIES[match['sign']]}", None, match[0], ""


def _percentage(match: re.Match[str]) -> Iterator[_Found]:
    if float(match["amount"]) <= 100:
        yield "percentage", f"{match['amount']} %", None, match[0], ""


def _standard(match: re.Match[str]) -> Iterator[_Found]:
    body = re.sub(r"\s", "", match["body"]).upper()
    yield "standard", f"{body} {match['number']}", None, match[0], ""


def _text(kind: str) -> Callable[[re.Match[str]], Iterator[_Found]]:
    def read(match: re.Match[str]) -> Iterator[_Found]:
        yield kind, match["value"].strip(), None, match["value"].strip(), ""

    return read


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


_PATTERNS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Iterator[_Found]]], ...] = (
    (_pattern(rf"{_NET}{_COLON}{_AMOUNT}"), _net),
    (_pattern(rf"(?P<amount>\d+)\s*(?:{_PIECES})(?![a-z])"), _count),
    (_pattern(rf"{_MADE}{_COLON}{_DAY}"), _date("made")),
    (_pattern(rf"{_UNTIL}{_COLON}{_DAY}"), _date("best_before")),
    (_pattern(rf"{_LIFE}{_COLON}(?P<amount>\d+)\s*(?P<span>{_SPAN})(?![a-z])"), _life),
    (_pattern(r"(?P<sign>[$€£¥])\s*(?P<amount>\d+(?:\.\d\d?)?)(?!\d)"), _price),
    (_pattern(r"(?<![\d.])(?P<amount>\d+(?:\.\d\d?)?)\s*(?P<sign>元)"), _price),
    (_pattern(r"(?<![\d.])(?P<amount>\d{1,3}(?:\.\d+)?)\s*%"), _percentage),
    (_pattern(rf"(?<![A-Z])(?P<body>{_BODY})\s*(?P<number>\d{{3,5}}(?:\.\d+)?(?:[-:]\d{{4}})?)(?!\d)"), _standard),
    (_pattern(r"(?:ingredients|配料表?)\s*[::]\s*(?P<value>.+)"), _text("ingredients")),
    (_pattern(r"(?:型号|model(?:\s*no)?)\.?\s*[::]\s*(?P<value>(?=[A-Z/.-]*\d)[A-Z0-9][A-Z0-9/.-]+)"), _text("model")),
    (_pattern(r"(?:尺码|尺寸|号型|size)\s*[::]\s*(?P<value>\S+)"), _text("size")),
)  # fmt: skip


def _gtin(digits: str) -> tuple[str, str] | None:
    """The number of a trade item, as GTIN-8, -12, -13 or -14, and who gave it; None: it is none."""
    if not digits.isdecimal() or len(digits) not in (8, 12, 13, 14):
        return None
    gtin, biip = _package("biip.gtin"), _package("biip")
    try:
        found = gtin.Gtin.parse(digits)
    except biip.ParseError:
        return None
    return digits, found.prefix.usage if found.prefix else ""


def _si(amount: float, unit: str) -> str | None:
    if unit == "catty":
        return f"{amount / 2:g} kg"
    units = _registry()
    quantity = units.Quantity(amount, _PINT_NAMES.get(unit, unit)).to_base_units()
    return f"{quantity.magnitude:.6g} {quantity.units:~P}"


_units: list[Any] = []


def _registry() -> Any:
    if not _units:
        _units.append(_package("pint").UnitRegistry())
    return _units[0]


def _package(name: str) -> Any:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ImportError(f"facts need {name}: pip install 'vitrine-client[facts]'") from error
