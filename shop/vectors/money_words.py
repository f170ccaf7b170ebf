"""Amounts of money in a buyer's words. Pure."""

import re

from shop.vectors.vocabulary import CURRENCIES, one_of

_DIGITS = {sign: digit for digit, signs in enumerate(("〇零", "一", "二两", *"三四五六七八九")) for sign in signs}
_UNITS = {"十": 10, "百": 100, "千": 1000, "k": 1000, "万": 10_000}
_CURRENCY = one_of(CURRENCIES)
_MEASURES = (
    r"\s*(?:(?:cm|mm|m|km|kg|g|ml|l|oz|lbs?|inch|inches|in|ft|days?|weeks?|years?|hours?|pieces?|pcs|percent|star|stars)(?![a-z])|%|"
    r"厘米|毫米|公分|米|公斤|千克|克|斤|毫升|升|英?寸|尺|天|年|岁|小时|件|个|双|只|条|码|星|点|些|样|种|款)"
)
_DIGIT_NUMBER = (
    r"(?P<digits>[0-9]{1,3}(?:,[0-9]{3}){1,2}|[0-9]{1,9})(?P<decimals>\.[0-9]{1,4})?(?![0-9]|[.,][0-9])"
    rf"(?P<unit>[百千万]|k(?![a-z]))?(?={_CURRENCY}|[^a-z]|$)"
)
_CHINESE_NUMBER = rf"(?P<chinese>[{''.join(_DIGITS)}十百千万]{{1,9}})"
MONEY = re.compile(
    rf"(?:(?P<before>{_CURRENCY})\s*)?(?<![0-9a-z])(?<![0-9][.,])(?<! -)(?:{_DIGIT_NUMBER}|{_CHINESE_NUMBER})"
    rf"(?!{_MEASURES})(?:\s*(?P<after>{_CURRENCY}))?"
)
"""An amount, with a currency before it, behind it or none."""


def money_from(match: re.Match[str]) -> tuple[float, str | None]:
    """Return the amount that `MONEY` matches, and its currency; None: it names none."""
    named = match["after"] or match["before"]
    amount = (
        _number_from_chinese(match["chinese"])
        if match["chinese"]
        else float(match["digits"].replace(",", "") + (match["decimals"] or "")) * _UNITS.get(match["unit"] or "", 1)
    )
    return amount, CURRENCIES[named] if named else None


def _number_from_chinese(text: str) -> float:
    """Read 一百二十 as 120, 百 as 100 and 一百五 as 150."""
    whole, part, last, digit = 0, 0, 1, 0
    for sign in text:
        if sign in _DIGITS:
            digit = digit * 10 + _DIGITS[sign] if last == 1 else _DIGITS[sign]
            last = 1 if sign in "〇零" else last
        elif sign == "万":
            whole, part, digit, last = (whole + part + digit or 1) * _UNITS[sign], 0, 0, _UNITS[sign]
        else:
            part, digit, last = part + (digit or 1) * _UNITS[sign], 0, _UNITS[sign]
    return float(whole + part + digit * (last // 10 if last > 10 else 1))
