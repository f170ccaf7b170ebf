"""Facts out of lines of text, without a server."""

import random
from typing import Literal

import pytest
from vitrine_client import Code, Line, Reading
from vitrine_client.facts import Fact, facts_in

from catalogue.label_words import printed_lines

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def reading_of(*texts: str, status: Literal["sure", "unsure"] = "sure", codes: tuple[Code, ...] = ()) -> Reading:
    lines = tuple(Line(text, BOX, 0.99, status) for text in texts)
    return Reading(lines, codes, 0, "r", "id")


def values(*texts: str) -> list[tuple[str, str]]:
    return [(fact.kind, fact.value) for fact in facts_in(reading_of(*texts))]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_fact_of_a_label_is_found_and_no_other(language: str) -> None:
    rng = random.Random(language)
    for _ in range(300):
        for line in printed_lines(rng, language):
            assert sorted(values(line.text)) == sorted(line.facts), line.text


@pytest.mark.parametrize(
    ("text", "value", "si_value"),
    [
        ("净含量：500克", "500 g", "0.5 kg"),
        ("净含量：５００ｍｌ", "500 ml", "0.0005 m³"),
        ("Net Wt. 16 oz", "16 oz", "0.453592 kg"),
        ("净重：2斤", "2 catty", "1 kg"),
        ("NET CONTENTS 1.5 L", "1.5 l", "0.0015 m³"),
    ],
)
def test_amounts_come_in_si_units_too(text: str, value: str, si_value: str) -> None:
    [fact] = facts_in(reading_of(text))
    assert (fact.kind, fact.value, fact.si_value) == ("net_content", value, si_value)
    assert fact.line == 0
    assert fact.confidence == 0.99


@pytest.mark.parametrize(
    "text",
    [
        "500 g", "Contents may be hot", "净含量：见瓶身", "生产日期：见包装", "Best before 2026-13-45", "120 % more",
        "Model: classic", "call 6901234567893000", "GB", "a hotel with 12 rooms", "",
        # A month is no day, and a day no span.
        "EXP 2026/12", "Best before 202612", "有效期至2026年12月", "MFG 202411", "保质期：1年半",
        "Shelf life: 2 years 6 months", "保质期：2026年12月31日",
        # Numbers that are written in another way, coupons, other currencies.
        "€12,50", "¥12.999", "NT$100", "HK$50", "第5元素", "满¥100减¥20", "Save $5", "1,000%",
        # Another word, another unit, a factor.
        "Cabinet weight: 25 kg", "NET WT 1 LB 4 OZ", "规格：5克拉", "净含量：80g/m²", "净含量：12g×10袋",
        "蓝牙5.3支持快充", "Take 2 tablets daily", "每次2片", "每盒 5片 一次",
        # Check digits are right by chance.
        "批号 20260316", "OOOOOOOO", "12345670",
        "8GB 256GB", "Hecho en 2024", "ISO 3200", "Serving size: 30 g", "Model: 178cm, wears M", "Model: 178cm",
        "配料：小麦粉、白砂糖、", "配料：见外箱", "Ingredients: see pack", "净含量0ml", "$0.00",
        # About something else than the product as it is sold.
        "开封后保质期 7天", "Shelf life after opening: 3 days", "不适用型号：ABC-200",
        # What is saved, spent before, or paid for several.
        "Order over £30", "was $12.99", "运费 ¥10", "2 for $5.00", "原价 ¥99",
        # Part of a longer number, and numbers of something else.
        "6222 0200 0000 0000 0007", "卡号 622202000000", "S/N 036000291452",
    ],
)  # fmt: skip
def test_what_no_line_proves_is_not_said(text: str) -> None:
    assert not values(text)


def test_a_line_that_is_unsure_proves_nothing() -> None:
    assert not facts_in(reading_of("净含量：500克", status="unsure"))


@pytest.mark.parametrize(
    ("printed", "expected"),
    [
        ("6901234567892", "6901234567892"),
        ("69O1234567892", "6901234567892"),  # the check digit proves the 0
        ("690l234567892", "6901234567892"),
        ("6 901234 567892", "6901234567892"),
        ("6901234567893", None),
        ("69O1234567893", None),
    ],
)
def test_letters_become_digits_where_the_check_digit_proves_it(printed: str, expected: str | None) -> None:
    assert values(printed) == ([("gtin", expected)] if expected else [])


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("$1,299.00", ("price", "1299.00 USD")),
        ("¥1,299", ("price", "1299 CNY")),
        ("1,299元", ("price", "1299 CNY")),
        ("零售价 12.90 元", ("price", "12.90 CNY")),
        ("1,000 pcs", ("count", "1000")),
        ("MFG 20261103", ("made", "2026-11-03")),
        ("有效期至2026.12.31", ("best_before", "2026-12-31")),
        ("GB 7718-2011", ("standard", "GB 7718-2011")),
        ("执行标准:GB/T 191", ("standard", "GB/T 191")),
        ("生产日期 20260316.", ("made", "2026-03-16")),
    ],
)
def test_facts_in_other_forms(text: str, fact: tuple[str, str]) -> None:
    assert values(text) == [fact]


@pytest.mark.parametrize("piece", ["1", "1 ", "价", "O0", " ", "20", "净含量", "$1,"])
def test_no_line_takes_long(piece: str) -> None:
    assert not [kind for kind, _ in values(piece * (2000 // len(piece))) if kind != "price"]


def test_a_code_tells_its_number_and_who_gave_it() -> None:
    [fact] = facts_in(
        reading_of(codes=(Code("6901234567892", "EAN-13", BOX), Code("https://a.example", "QR Code", BOX)))
    )
    assert fact == Fact("gtin", "6901234567892", None, "6901234567892", None, 1.0, "GS1 China")
