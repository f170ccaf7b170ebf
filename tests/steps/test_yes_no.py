"""Which questions ask for a yes or a no, in English and Chinese."""

import random

import pytest

from catalogue.attributes import CATEGORIES, COLOURS, KINDS, LANGUAGES, PATTERNS, Attributes, Kind
from catalogue.questions import SHORT_KINDS, question_for, short_question_for
from catalogue.traditional import traditional
from catalogue.wordings import Split
from vitrine_steps.yes_no import asks_yes_or_no, misses_the_question


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("Is it red?", True),
        ("hello, is this a mug", True),
        ("It's red, right?", True),
        ("this is red?", True),
        ("Tell me if it is red", True),
        ("Isn\u2019t it red?", True),
        ("这是红色的吗", True),
        ("是不是红色", True),
        ("紅色的嗎？", True),
        ("有没有条纹", True),
        ("是红色吧，谢谢", True),
        ("是红的不？", True),
        ("What colour is it?", False),
        ("can you tell me what this is", False),
        ("Is it red or blue?", False),
        ("Can you name the colour?", False),
        ("colour?", False),
        ("red?", False),
        ("颜色？", False),
        ("色？", False),
        ("顏色？", False),
        ("老板这个啥色的", False),
        ("规格", False),
        ("风格", False),
        ("这是什么", False),
        ("是红色还是蓝色", False),
        ("能告诉我这是什么吗", False),
        ("1", False),
        ("<script>alert(1)</script>", False),
        ("De qué color es?", False),
        ("", False),
    ],
)
def test_questions(question: str, asks: bool) -> None:
    assert asks_yes_or_no(question) == asks
    assert misses_the_question("yes", question) != asks
    assert not misses_the_question("red", question)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("short", [False, True])
def test_every_wording_of_the_catalogue(split: Split, short: bool) -> None:
    """Yes/no wordings ask for a yes or a no, those of answerable attributes do not; traditional characters too."""
    rng = random.Random(5)
    kinds: tuple[Kind, ...] = SHORT_KINDS if short else KINDS
    ask = short_question_for if short else question_for
    for kind in kinds:
        if kind == "unanswerable":  # some of these can be answered by yes or no, some cannot
            continue
        for _ in range(400):
            category, colour, pattern = (rng.choice(list(table)) for table in (CATEGORIES, COLOURS, PATTERNS))
            product = Attributes(category, colour, pattern, rng.randint(1, 4))
            question = ask(product, kind, rng.choice(LANGUAGES), split, rng).text
            for text in (question, traditional(question)):
                assert asks_yes_or_no(text) == (kind == "yes_no"), text
