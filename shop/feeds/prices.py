"""A price as a feed writes it: "59.00 CNY", "5元", or a number beside its currency."""

import re
from decimal import Decimal

from shop.products.product import Money

_PRICE = re.compile(
    r"(?P<before>[A-Z]{3}|[¥￥])?\s*(?P<amount>\d{1,12}(?:\.\d{1,6})?|\d{1,3}(?:,\d{3}){1,3}(?:\.\d{1,6})?)\s*"
    r"(?P<after>[A-Z]{3}|元)?"
)
_YUAN = ("元", "RMB")
_SIGNS = ("¥", "￥")  # of the yuan and of the yen: the yuan where no code stands beside them
_CODES = (
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLP "
    "CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG HUF "
    "IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD "
    "MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB "
    "RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD "
    "UYU UZS VED VES VND VUV WST XAF XCD XCG XOF XPF YER ZAR ZMW ZWG"
)
"""Codes of ISO 4217 of money that people pay with."""
_CURRENCIES = frozenset(_CODES.split())
_EXAMPLE = 'such as "1299.00 CNY"'


def price_from_text(text: str, currency: str = "") -> Money | None:
    """Read a price; None where the text is empty.

    Args:
        currency: code or sign that stands beside the price in the feed, "" where none does.

    Raises:
        ValueError: it is no amount with one currency that is known; `$` alone is none.
    """
    if not text:
        return None
    found = _PRICE.fullmatch(text)
    if not found:
        example = 'such as "12.50 USD": $ is of several countries' if "$" in text else _EXAMPLE
        raise ValueError(f"price: {text[:40]!r} came, but an amount and its currency are expected, {example}")
    told = [code for code in (found["before"], found["after"], currency) if code]
    codes = {"CNY" if code in _YUAN else code for code in told if code not in _SIGNS} or {"CNY" for _ in told}
    if len(codes) != 1:
        raise ValueError(f"price: {text[:40]!r} came, but one currency is expected, {_EXAMPLE}")
    [code] = codes
    if code not in _CURRENCIES:
        raise ValueError(f"price: the currency {code[:20]!r} came, but a code of ISO 4217 is expected, {_EXAMPLE}")
    return Money(Decimal(found["amount"].replace(",", "")), code)
