"""The catalogue's questions: right answers, both languages, test wordings kept apart."""

import random
import re

import pytest

from catalogue.attributes import CATEGORIES, KINDS, LANGUAGES, Attributes, Kind, Language, plural, with_article
from catalogue.dataset import FIRST_TEST_SEED, questions_from_seed, records
from catalogue.questions import question_for
from catalogue.unseen_wordings import TEST
from catalogue.wordings import CANNOT_TELL, NO, OPENERS, TRAIN, YES

MUG = Attributes("mug", "red", "striped", 3)


@pytest.mark.parametrize(
    ("kind", "language", "answer"),
    [
        ("category", "en", "mug"),
        ("category", "zh", "马克杯"),
        ("colour", "en", "red"),
        ("colour", "zh", "红色"),
        ("pattern", "en", "striped"),
        ("pattern", "zh", "条纹"),
        ("number", "en", "3"),
        ("number", "zh", "3"),
        ("unanswerable", "en", "cannot tell"),
        ("unanswerable", "zh", "看不出来"),
    ],
)
def test_the_answer_is_the_truth(kind: Kind, language: Language, answer: str) -> None:
    for seed in range(30):
        assert question_for(MUG, kind, language, "train", random.Random(seed)).answer == answer


@pytest.mark.parametrize("language", LANGUAGES)
def test_yes_and_no_are_equally_often_right_and_true(language: Language) -> None:
    asked = [question_for(MUG, "yes_no", language, "train", random.Random(seed)) for seed in range(2000)]
    assert {q.answer for q in asked} == {YES[language], NO[language]}
    # 2,000 fair coins: a share outside 0.44 to 0.56 is more than five standard deviations away.
    assert 0.44 < sum(q.answer == YES[language] for q in asked) / len(asked) < 0.56
    truths = {"en": ("mug", "red", "striped", "3"), "zh": ("马克杯", "红色", "条纹", "3")}[language]
    for question in asked:
        if question.answer == YES[language]:
            assert any(truth in question.text.lower() for truth in truths), question.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_either_or_offers_the_answer(language: Language) -> None:
    for seed in range(200):
        question = question_for(MUG, "either_or", language, "test", random.Random(seed))
        assert question.answer in question.text.lower()


def blank(wording: str) -> str:
    """A wording whatever its slots."""
    return re.sub(r"\{\w+\}", "_", wording)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_wordings_are_many_and_the_test_ones_are_new(language: Language, kind: Kind) -> None:
    assert len(TRAIN[language][kind]) >= 10
    assert len(TEST[language][kind]) >= 3
    wordings = [wording for of_kind in TRAIN[language].values() for wording in of_kind]
    trained = {blank(opener + wording) for opener in OPENERS[language] for wording in wordings}
    assert not trained & {blank(wording) for wording in TEST[language][kind]}


def test_no_placeholder_is_left_and_the_category_is_not_given_away() -> None:
    for seed in range(300):
        for question in questions_from_seed(seed, "train", per_photo=7):
            assert "{" not in question.text
            if question.kind == "category":
                words = re.findall(r"[a-z-]+|[^a-z]+", question.text.lower())  # "what" does not give "hat" away
                assert question.answer not in words


def test_languages_and_kinds_take_turns() -> None:
    rows = [record for _, record in records("test", 200, per_photo=7)]
    for kind in KINDS:
        of_kind = [r for r in rows if r.kind == kind]
        assert len(of_kind) == 200
        assert sum(r.language == "en" for r in of_kind) in range(60, 141)


def test_splits_never_share_a_photo() -> None:
    assert all(seed >= FIRST_TEST_SEED for seed, _ in records("test", 3, per_photo=1))
    assert all(seed < FIRST_TEST_SEED for seed, _ in records("train", 3, per_photo=1))


def test_english_grammar() -> None:
    assert with_article("umbrella") == "an umbrella"
    assert with_article("mug") == "a mug"
    assert with_article("glasses") == "a pair of glasses"
    assert [plural(n) for n in ("mug", "dress", "watch", "trousers")] == ["mugs", "dresses", "watches", "trousers"]
    assert set(CANNOT_TELL) == set(LANGUAGES)
    assert len(set(CATEGORIES.values())) == len(CATEGORIES)
