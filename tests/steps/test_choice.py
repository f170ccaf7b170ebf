"""Choices out of a list: shares, fairness to length, verdicts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine_steps.calibration import Calibration, RiskPoint
from vitrine_steps.choice import (
    ChoiceCalibration,
    choice_doubts,
    choice_from_scores,
    judge_choice,
    read_choice_calibration,
)

POINTS = (RiskPoint(0.001, 0.999, 0.999, 0.5), RiskPoint(0.01, 0.8, 0.8, 0.9))
COLOUR = "What colour is it?"
CALIBRATION = ChoiceCalibration(
    temperature=1.0,
    length_exponent=0.0,
    trust=Calibration(
        weights=(-1.0, 0.0),
        bias=-1.5,
        cannot_tell_threshold=0.3,
        default_risk=0.01,
        risks={"en": POINTS, "zh": POINTS},
    ),
)


def scores(*probabilities: float, tokens: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Token counts and log-probabilities of candidates; the last one is the refusal."""
    logprobs = np.zeros((len(probabilities), tokens), np.float32)
    logprobs[:, 0] = np.log(probabilities)
    return np.full(len(probabilities), tokens), logprobs


@pytest.mark.parametrize(
    ("sentence", "probabilities", "max_risk", "status", "answer"),
    [
        ("sure", (0.98, 0.01, 0.001), None, "answered", "red"),
        ("the second is right", (0.001, 0.99, 0.001), None, "answered", "蓝色"),
        ("two are alike", (0.5, 0.45, 0.001), None, "hand_over", "red"),
        ("a stricter risk", (0.98, 0.01, 0.001), 0.001, "hand_over", "red"),
        ("the photo does not show it", (0.01, 0.001, 0.98), None, "cannot_tell", ""),
        ("the answer is not in the list", (1e-4, 1e-6, 1e-6), None, "hand_over", "red"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_verdicts(
    sentence: str, probabilities: tuple[float, ...], max_risk: float | None, status: str, answer: str
) -> None:
    found = judge_choice(
        ["red", "蓝色"],
        *scores(*probabilities),
        CALIBRATION,
        question=COLOUR,
        language="en",
        max_risk=max_risk,
    )
    assert (found.verdict.status, found.answer) == (status, answer)
    assert bool(found.verdict.reason) == (status == "hand_over")
    assert found.probabilities.sum() == pytest.approx(1)


def test_without_calibration_the_decoders_own_shares_and_no_confidence() -> None:
    found = judge_choice(["red", "blue"], *scores(0.3, 0.1, 0.5), None, question=COLOUR, language="en", max_risk=None)
    assert found.probabilities.tolist() == pytest.approx([0.75, 0.25])
    assert np.isnan(found.confidence)
    assert found.verdict.status == "answered"


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("count", [2, 10, 100])
@pytest.mark.parametrize("elsewhere", [1e-2, 1e-4, 1e-6])
def test_a_draw_is_never_answered(language: str, count: int, elsewhere: float) -> None:
    """With the bundled checkpoint's own calibration."""
    bundled = Path(__file__).parents[2] / "checkpoints" / "vitrine-small" / "calibration.json"
    each = (1 - elsewhere) / count
    found = judge_choice(
        [f"word {number}" for number in range(count)],
        *scores(*[each] * count, elsewhere / 2),
        read_choice_calibration(bundled),
        question=COLOUR,
        language=language,
        max_risk=None,
    )
    assert found.verdict.status == "hand_over"
    assert found.confidence < 0.6


def test_numbers_that_are_none_are_an_error_and_no_answer() -> None:
    tokens, logprobs = scores(0.5, 0.4, 0.1)
    logprobs[1] = np.nan
    with pytest.raises(FloatingPointError):
        judge_choice(["red", "blue"], tokens, logprobs, CALIBRATION, question=COLOUR, language="en", max_risk=None)


@pytest.mark.parametrize(("question", "status"), [("Is it red?", "answered"), ("颜色？", "hand_over")])
def test_a_yes_is_chosen_where_the_question_asks_for_one(question: str, status: str) -> None:
    found = judge_choice(
        ["是", "不是"], *scores(0.9998, 1e-5, 1e-6), None, question=question, language="zh", max_risk=None
    )
    assert found.verdict.status == status


def test_a_long_candidate_is_not_held_back_by_its_length() -> None:
    """Of four tokens at a half each and one at a quarter, the long one is the likelier a token."""
    tokens = np.array([4, 1, 1])
    logprobs = np.log([[0.5] * 4, [0.25, 1, 1, 1], [1e-6, 1, 1, 1]]).astype(np.float32)
    assert choice_from_scores(tokens, logprobs, refusals=1).best == 1
    assert choice_from_scores(tokens, logprobs, refusals=1, length_exponent=1.0).best == 0


@given(st.lists(st.floats(1e-30, 1.0), min_size=2, max_size=257), st.floats(0.2, 5), st.floats(0, 1))
def test_shares_are_probabilities(probabilities: list[float], temperature: float, exponent: float) -> None:
    choice = choice_from_scores(*scores(*probabilities), refusals=1, temperature=temperature, length_exponent=exponent)
    assert choice.probabilities.sum() == pytest.approx(1)
    assert 0 <= choice.refusal <= 1
    assert 0 <= choice.listed <= 1
    for refuses in (False, True):
        assert np.isfinite(choice_doubts(choice, refuses=refuses)).all()


def test_a_single_candidate_has_all_of_the_list_but_not_all_confidence() -> None:
    arguments = {"question": COLOUR, "language": "en", "max_risk": None}
    calibration = replace(CALIBRATION)
    found = judge_choice(["red"], *scores(1e-5, 1e-5), calibration, **arguments)  # type: ignore[arg-type]
    assert found.probabilities.tolist() == [1.0]
    assert found.confidence < 0.8
