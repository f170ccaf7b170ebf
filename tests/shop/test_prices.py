"""Prices as feeds write them, and what is no price."""

import re
from decimal import Decimal

import pytest

from shop.feeds.prices import price_from_text
from shop.feeds.records import product_from_record
from shop.products.product import Money


@pytest.mark.parametrize(
    ("price", "found"),
    [("CNY 5", "5"), ("5元", "5"), ("5 RMB", "5"), ("¥59", "59"), ("￥5", "5"), ("¥5 CNY", "5"), ("0 CNY", "0"),
     ("1,234,567.89 CNY", "1234567.89")],
)  # fmt: skip
def test_prices_are_read_as_they_are_written(price: str, found: str) -> None:
    read, _ = product_from_record("tea", {"sku": "a", "price": price})
    assert read.price == Money(Decimal(found), "CNY")
    assert price_from_text("5", "RMB") == Money(Decimal(5), "CNY")
    assert price_from_text("¥5 JPY") == price_from_text("¥5", "JPY") == Money(Decimal(5), "JPY"), "the code decides"


@pytest.mark.parametrize(
    ("price", "reason"),
    [("$12.50", 'such as "12.50 USD": $ is of several countries'), ("free", 'are expected, such as "1299.00 CNY"'),
     ("5", 'one currency is expected, such as "1299.00 CNY"'), ("CNY 5 JPY", "one currency"),
     ("5 MUG", "the currency 'MUG' came, but a code of ISO 4217")],
)  # fmt: skip
def test_a_price_in_no_currency_that_is_known_is_refused(price: str, reason: str) -> None:
    with pytest.raises(ValueError, match=re.escape(reason)):
        price_from_text(price)
