"""Grading: what counts as right, and how it is counted."""

import pytest

from evaluation.__main__ import accuracy_table
from evaluation.accuracy import Graded, accuracy_by_group


def graded(expected: str, got: str, kind: str = "colour", language: str = "en") -> Graded:
    return Graded(kind, language, "?", expected, got, "answered")


@pytest.mark.parametrize(
    ("expected", "got", "right"),
    [
        ("red", "red", True),
        ("T恤", "t恤", True),
        ("two-tone", "two - tone", True),
        ("red", "dark red", False),
        ("红色", "红", False),
        ("red", "", False),
    ],
)
def test_right(expected: str, got: str, right: bool) -> None:
    assert graded(expected, got).right is right


def test_groups_are_counted_apart() -> None:
    shares = accuracy_by_group(
        [graded("red", "red"), graded("red", "blue"), graded("红色", "红色", language="zh"), graded("3", "3", "number")]
    )
    assert shares["all"].ratio == 0.75
    assert shares["colour"].asked == 3
    assert shares["colour, zh"].ratio == 1.0
    assert shares["en"].right == 2
    assert "number" in accuracy_table(shares)
