"""When a canary steps back, as a rule over counts."""

import math

import pytest

from serving.canary.counters import counts_from_text
from serving.canary.rule import Counts, chance, counts_since, reason_to_step_back

OLD = Counts(answered=7000, cannot_tell=1000, hand_over=2000, errors=100)


@pytest.mark.parametrize(
    ("new", "words", "why"),
    [
        (Counts(350, 50, 100, 5), None, "the same shares"),
        (Counts(330, 55, 115, 5), None, "a difference within five points"),
        (Counts(300, 50, 150, 5), "answers: 60.0% of 500 of the new release, 70.0% of 10,000 of the old one", "fewer"),
        (Counts(460, 20, 20, 5), "answers: 92.0%", "more answers are a difference too"),
        (Counts(360, 0, 140, 5), "“cannot tell”: 0.0%", "a verdict that is gone"),
        (Counts(345, 20, 135, 5), "“cannot tell”: 4.0%", "six points, and beyond chance"),
        (Counts(90, 15, 94, 2), None, "one answer short of 200"),
        (Counts(90, 15, 95, 2), "answers: 45.0%", "200"),
        (Counts(), None, "nothing came yet"),
        (Counts(errors=1), None, "a single wrong photo"),
        (Counts(8, 1, 1, errors=10), "errors: 50.0% of 20", "errors need no 200 calls"),
        (Counts(350, 50, 100, 12), None, "errors: more, but it may be chance"),
        (Counts(35_000, 5000, 10_000, 900), None, "errors: beyond chance, but within a point"),
    ],
)
def test_a_canary_steps_back_for_what_is_no_chance_and_matters(new: Counts, words: str | None, why: str) -> None:
    reason = reason_to_step_back(OLD, new, 0)
    assert reason is None if words is None else reason and reason.startswith(words), why


def test_a_servers_own_questions_make_no_difference() -> None:
    """Of 500 answers, 100 may be to its own question, which is handed over each time."""
    new = Counts(280, 40, 180, 5)
    assert reason_to_step_back(OLD, new, 0)
    assert reason_to_step_back(OLD, new, 100) is None


def test_the_chance_is_that_of_fishers_exact_test() -> None:
    assert chance(1, 2, 0, 1000) == pytest.approx(2 / 1002)
    assert chance(3, 3, 1, 5) == pytest.approx(math.comb(4, 3) / math.comb(8, 3))
    assert chance(0, 10, 5, 10) == pytest.approx(1)


def test_counters_that_went_back_say_that_a_server_was_restarted() -> None:
    assert counts_since(Counts(5, 1, 2, 0), Counts(8, 1, 2, 1)) == Counts(3, 0, 0, 1)
    assert counts_since(Counts(5, 1, 2, 0), Counts(8, 1, 1, 1)) is None


def test_counters_are_read_as_a_server_writes_them() -> None:
    labels = 'confidence_up_to="0.5",language="en",model="answer_postprocess"'
    text = "\n".join(
        [
            f'vitrine_verdicts_total{{{labels},status="hand_over"}} 2',
            f'vitrine_verdicts_total{{{labels.replace("en", "zh")},status="hand_over"}} 3',
            f'vitrine_verdicts_total{{{labels},status="answered"}} 7',
            'vitrine_errors_total{code="INVALID_ARG",model="image_preprocess"} 1',
            'vitrine_errors_total{code="CANCELLED",model="image_preprocess"} 50',
            'nv_inference_request_failure{model="answer_decoder",reason="BACKEND",version="1"} 4',
            'nv_inference_request_failure{model="vqa",reason="OTHER",version="1"} 9',
        ]
    )
    assert counts_from_text(text + "\n") == Counts(answered=7, hand_over=5, errors=5)
    with pytest.raises(ValueError, match="no counters"):
        counts_from_text("vitrine_up 0\n")
