"""Fields of documents out of what was read: identity cards, bank cards, receipts; numbers are masked unless asked for.

Pure: it asks nobody, and keeps nothing. A number is only given where its check digit is right, a receipt's total where
its items add up to it. Needs `vitrine-client[facts]`.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from vitrine_client.extras import package

if TYPE_CHECKING:
    from vitrine_client.reading import Line, Reading

_ID_NUMBER = re.compile(r"(?<!\d)\d{17}[\dXx](?![\dXx])")
_CARD_NUMBER = re.compile(r"(?<![\d-])\d{4} \d{4} \d{4} \d{4}(?: \d{1,3})?(?![\d-])|(?<!\S)\d{16,19}(?!\S)")
_EXPIRY = re.compile(r"(?<![\d/])(0[1-9]|1[0-2]) ?/ ?(\d\d)(?![\d/])")
_MONEY = r"(?P<amount>\d{1,3}(?:,\d{3})+\.\d\d|\d+\.\d\d)"
_TOTAL = re.compile(rf"(?:合计|总计|应付|实付|total|amount due) ?:? ?[¥$]? ?{_MONEY} ?元?", re.IGNORECASE)
_ITEM = re.compile(rf"(?P<name>[^\d\s].*?)(?<![\d,.])(?P<sign>-?)[¥$]?{_MONEY} ?元?")
_NO_ITEM = re.compile(r"小计|税|subtotal|tax\b|vat\b", re.IGNORECASE)
_SEXES = ("female", "male")


@dataclass(frozen=True)
class Field:
    """One field of a document."""

    kind: str
    """One of id_number, birth_date, sex, card_number, card_expiry, total."""
    value: str
    """The number with its middle masked, "6222 **** **** 1234", unless it was asked for whole."""
    is_verified: bool
    """True where a check digit or a sum proves it."""
    line: int
    """Number of the line in `Reading.lines`."""
    confidence: float | None
    """Confidence of that line."""


def document_fields(reading: "Reading", *, is_masked: bool = True) -> tuple[Field, ...]:
    """Find the fields of documents, in the order of the lines.

    Args:
        is_masked: False: numbers come whole. Keep them out of logs.

    Raises:
        InvalidRequestError: the packages of `vitrine-client[facts]` are not installed; says how.
    """
    fields = []
    for number, line in enumerate(reading.lines):
        if line.status != "sure":
            continue
        text = unicodedata.normalize("NFKC", line.text)
        for kind, value, is_verified in (*_identity(text, is_masked), *_card(text, is_masked)):
            fields.append(Field(kind, value, is_verified, number, line.confidence))
    if not any(field.kind == "card_number" for field in fields):
        fields = [field for field in fields if field.kind != "card_expiry"]  # two numbers and a stroke
    return (*fields, *_total(reading))


def _identity(text: str, is_masked: bool) -> Iterator[tuple[str, str, bool]]:
    numbers = package("stdnum.cn.ric", "facts")
    for found in _ID_NUMBER.findall(re.sub(r"(?<=\d{6}) (?=\d{8})|(?<=\d{8}) (?=\d{3}[\dXx])", "", text)):
        # The library's list of places goes by the year of birth, but the number by where and when it was given.
        if numbers.calc_check_digit(found) != found[-1].upper():
            continue
        try:
            born = numbers.get_birth_date(found).isoformat()
        except package("stdnum.exceptions", "facts").ValidationError:
            continue
        yield "id_number", f"{found[:4]}{'*' * 10}{found[-4:]}" if is_masked else found.upper(), True
        yield "birth_date", "****-**-**" if is_masked else born, True
        yield "sex", _SEXES[int(found[16]) % 2], True


def _card(text: str, is_masked: bool) -> Iterator[tuple[str, str, bool]]:
    luhn = package("stdnum.luhn", "facts")
    for found in _CARD_NUMBER.findall(text):
        digits = found.replace(" ", "")
        if 15 < len(digits) < 20 and luhn.is_valid(digits) and not _ID_NUMBER.fullmatch(digits):
            whole = " ".join(digits[start : start + 4] for start in range(0, len(digits), 4))
            yield "card_number", f"{digits[:4]} **** **** {digits[-4:]}" if is_masked else whole, True
    for month, year in _EXPIRY.findall(text):
        yield "card_expiry", f"20{year}-{month}", False


def _total(reading: "Reading") -> Iterator[Field]:
    """The total of a receipt, held to the sum of the amounts above it."""
    plain = [" ".join(unicodedata.normalize("NFKC", text).split()) for text in _rows(reading.lines)]
    above = Decimal(0)
    items = 0
    for number, text in enumerate(plain):
        if reading.lines[number].status != "sure" or _NO_ITEM.search(text):
            continue
        if total := _TOTAL.fullmatch(text):
            value = total["amount"].replace(",", "")
            is_verified = items > 0 and above == Decimal(value)
            yield Field("total", value, is_verified, number, reading.lines[number].confidence)
            return
        if item := _ITEM.fullmatch(text):
            above += Decimal(item["sign"] + item["amount"].replace(",", ""))
            items += 1


def _rows(lines: "tuple[Line, ...]") -> list[str]:
    """Texts by line; an amount that stands alone at the right is joined to what is left of it in the same row."""
    texts = [line.text for line in lines]
    for number in range(1, len(lines)):
        before, here = lines[number - 1].box, lines[number].box
        is_same_row = abs((before[0][1] + before[3][1]) - (here[0][1] + here[3][1])) < (here[3][1] - here[0][1])
        if is_same_row and re.fullmatch(r"[¥￥$]?\s*\d+\.\d\d\s*元?", texts[number].strip()):
            texts[number] = f"{texts[number - 1]} {texts[number].strip()}"
            texts[number - 1] = ""
    return texts
