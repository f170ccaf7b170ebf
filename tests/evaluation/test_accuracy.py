"""Grading: what counts as right, and how it is counted."""

import pytest

from evaluation.accuracy import Graded, accuracy_figures
from evaluation.figures import figures_table
from evaluation.vqa_rule import vqa_score


def graded(expected: str, got: str, kind: str = "colour", language: str = "en") -> Graded:
    return Graded("p.jpg", kind, language, "?", (expected,), got, "answered")


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
    figures = accuracy_figures(
        [graded("red", "red"), graded("red", "blue"), graded("红色", "红色", language="zh"), graded("3", "3", "number")]
    )
    found = {figure.name: (figure.value, figure.of) for figure in figures}
    assert found["all"] == (0.75, 4)
    assert found["colour, zh"] == (1.0, 1)
    assert found["en"] == (2 / 3, 3)
    assert next(iter(found)) == "all"
    low, high = figures[0].interval or (0, 0)
    assert 0.30 < low < 0.75 < high < 0.96, "Wilson's interval of 3 of 4 is 30.1 to 95.4 %"
    assert "75.00%  of 4" in figures_table(figures)


@pytest.mark.parametrize(
    ("sentence", "answer", "people", "score"),
    [
        ("all agree", "red", ["red"] * 10, 1.0),
        ("none agrees", "blue", ["red"] * 10, 0.0),
        # Two of ten said so: in eight of the ten nines both are in (2/3), in two only one is (1/3).
        ("two of ten", "blue", ["blue"] * 2 + ["red"] * 8, (8 * 2 / 3 + 2 * 1 / 3) / 10),
        ("three of ten", "blue", ["blue"] * 3 + ["red"] * 7, (7 * 1 + 3 * 2 / 3) / 10),
        ("four of ten is enough", "blue", ["blue"] * 4 + ["red"] * 6, 1.0),
        ("articles, case and full stops do not count", "A mug.", ["mug"] * 10, 1.0),
        ("number words are numbers", "two", ["2"] * 10, 1.0),
        ("apostrophes do not count", "dont know", ["don't know"] * 10, 1.0),
        ("a thousand with a comma", "1,000", ["1000"] * 10, 1.0),
        ("Chinese full-width punctuation", "红色。", ["红色"] * 10, 1.0),
        ("of fewer than ten any is right", "crimson", ["red", "crimson", "scarlet"], 1.0),
        ("a single person", "红色", ["红色"], 1.0),
        ("a single person, wrong", "蓝色", ["红色"], 0.0),
    ],
)
def test_the_vqa_v2_rule(sentence: str, answer: str, people: list[str], score: float) -> None:
    assert vqa_score(answer, people) == pytest.approx(score)


def test_several_peoples_answers_are_scored_by_their_rule_too() -> None:
    rows = [Graded("p", "other", "en", "?", ("blue",) * 2 + ("red",) * 8, "blue", "answered")]
    by_section = {figure.section: figure.value for figure in accuracy_figures(rows) if figure.name == "all"}
    assert by_section == {"accuracy": 1.0, "accuracy by the VQA-v2 rule": pytest.approx(0.6)}
