"""Fields of documents out of lines of text, without a server."""

import pytest
from vitrine_client import Line, Reading
from vitrine_client.documents import Field, document_fields

from catalogue.documents import document_from_seed


def reading_of(*rows: tuple[str, ...]) -> Reading:
    lines = []
    for number, row in enumerate(rows):
        for place, text in enumerate(row):
            top, left = number / len(rows), place * 0.6
            box = ((left, top), (left + 0.4, top), (left + 0.4, top + 0.5 / len(rows)), (left, top + 0.5 / len(rows)))
            lines.append(Line(text, box, 0.99, "sure"))
    return Reading(tuple(lines), (), 0, "r", "id")


def values(fields: tuple[Field, ...]) -> dict[str, str]:
    return {field.kind: field.value for field in fields}


def test_an_identity_number_with_its_check_digit_is_masked_unless_asked_for() -> None:
    reading = reading_of(("公民身份号码 110101199003077715",))
    masked = document_fields(reading)
    assert values(masked) == {"id_number": "1101**********7715", "birth_date": "****-**-**", "sex": "male"}
    assert all(field.is_verified for field in masked)
    assert values(document_fields(reading, is_masked=False))["id_number"] == "110101199003077715"
    assert not document_fields(reading_of(("公民身份号码 110101199003077716",)))
    # Born before the district was: the number is given later.
    assert values(document_fields(reading_of(("公民身份号码330106195608083776",))))["sex"] == "male"
    assert not document_fields(reading_of(("公民身份号码 11010119901332771X",)))  # no such month


def test_a_card_number_with_its_check_digit_is_masked_unless_asked_for() -> None:
    reading = reading_of(("6222 0212 3456 7894",), ("VALID THRU 08/29",))
    fields = document_fields(reading)
    assert values(fields) == {"card_number": "6222 **** **** 7894", "card_expiry": "2029-08"}
    assert [field.is_verified for field in fields] == [True, False]
    assert values(document_fields(reading, is_masked=False))["card_number"] == "6222 0212 3456 7894"
    assert not document_fields(reading_of(("6222 0212 3456 7895",)))


@pytest.mark.parametrize("words", [("绿茶", "牛奶", "合计"), ("Green tea", "Milk", "TOTAL")])
def test_a_total_is_verified_by_its_items(words: tuple[str, str, str]) -> None:
    first, second, total = words
    [right] = document_fields(reading_of((first, "12.50"), (second, "7.50"), (total, "20.00")))
    assert (right.kind, right.value, right.is_verified) == ("total", "20.00", True)
    [wrong] = document_fields(reading_of((first, "12.50"), (second, "7.60"), (total, "20.00")))
    assert not wrong.is_verified
    [joined] = document_fields(reading_of((f"{first} 12.50",), (f"{second} 7.50",), (f"{total} 20.00",)))
    assert joined.is_verified


def test_an_ordinary_label_has_no_fields() -> None:
    assert not document_fields(reading_of(("净含量：500克",), ("6901234567892",), ("Best before 2026-03-15",)))


@pytest.mark.parametrize("seed", range(9))
def test_drawn_documents_are_of_nobody_and_valid(seed: int) -> None:
    drawn = document_from_seed(seed)
    assert drawn.fields
    assert drawn.jpeg_bytes == document_from_seed(seed).jpeg_bytes
