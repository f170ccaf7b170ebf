"""Facts out of lines of text, without a server."""

import random

import pytest
from vitrine_client import Code, Line, Reading
from vitrine_client.facts import Fact, facts_in

from catalogue.label_words import printed_lines

BOX = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))


def reading_of(*texts: str, status: str = "sure", codes: tuple[Code, ...] = ()) -> Reading:
    lines = tuple(Line(text, BOX, 0.99, status) for text in texts)  # type: ignore[arg-type]
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


def test_a_code_tells_its_number_and_who_gave_it() -> None:
    [fact] = facts_in(
        reading_of(codes=(Code("6901234567892", "EAN-13", BOX), Code("https://a.example", "QR Code", BOX)))
    )
    assert fact == Fact("gtin", "6901234567892", None, "6901234567892", None, 1.0, "GS1 China")
