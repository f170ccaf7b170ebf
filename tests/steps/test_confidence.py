"""Verdicts: what a calibration makes of candidates, in both languages."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vitrine_steps.calibration import Calibration, RiskPoint, calibration_from_json, read_calibration
from vitrine_steps.choice import read_choice_calibration
from vitrine_steps.confidence import Candidate, confidence_from_doubts, confidences, doubts, judge
from vitrine_steps.file_format import FormatError
from vitrine_steps.verdict import RiskError, language_of, max_risk_from, verdict_of

CANNOT_TELL = frozenset({"cannot tell", "看不出来"})
CALIBRATION = Calibration(
    weights=(-1.5, 0.2, 0.1),
    bias=-2.0,
    cannot_tell_threshold=0.1,
    default_risk=0.01,
    risks={
        "en": (RiskPoint(0.001, 2.0, 2.0, 0.1), RiskPoint(0.01, 0.9, 0.8, 0.97), RiskPoint(0.05, 0.5, 0.5, 0.99)),
        "zh": (RiskPoint(0.001, 0.99, 0.99, 0.8), RiskPoint(0.01, 0.2, 0.3, 0.98), RiskPoint(0.05, 0.1, 0.1, 1.0)),
    },
)
COLOUR = "What colour is it?"
SURE = [Candidate("red", 0.999, 2, 0.999), Candidate("pink", 0.0005, 2, 0.0005)]
UNSURE = [Candidate("red", 0.6, 2, 0.6), Candidate("pink", 0.35, 2, 0.35)]
REFUSES = [Candidate("看不出来", 0.98, 5, 0.98), Candidate("红色", 0.01, 3, 0.01)]
LIKELY_REFUSES = [Candidate("cannot tell", 0.6, 3, 0.6), Candidate("pink", 0.35, 2, 0.35)]
HALF_REFUSES = [Candidate("red", 0.7, 2, 0.7), Candidate("cannot tell", 0.2, 3, 0.2), Candidate("pink", 0.1, 2, 0.1)]


@pytest.mark.parametrize(
    ("sentence", "candidates", "language", "max_risk", "status", "answer"),
    [
        ("sure, English", SURE, "en", None, "answered", "red"),
        ("sure, Chinese", SURE, "zh", None, "answered", "red"),
        ("unsure: the English threshold is not met", UNSURE, "en", None, "hand_over", "red"),
        ("unsure: the Chinese threshold is", UNSURE, "zh", None, "answered", "red"),
        ("a laxer risk than the server's has no effect", UNSURE, "en", 0.05, "hand_over", "red"),
        ("a stricter one has", UNSURE, "zh", 0.001, "hand_over", "red"),
        ("a risk that nothing keeps", SURE, "en", 0.001, "hand_over", "red"),
        ("a risk stricter than the table", SURE, "zh", 0.0001, "hand_over", "red"),
        ("the model refuses", REFUSES, "zh", None, "cannot_tell", "看不出来"),
        ("a hesitant refusal is no answer either", HALF_REFUSES, "en", None, "hand_over", "cannot tell"),
        ("a likely enough refusal is taken", LIKELY_REFUSES, "zh", None, "cannot_tell", "cannot tell"),
    ],
    ids=lambda value: value if isinstance(value, str) and " " in value else "",
)
def test_verdicts(
    sentence: str, candidates: list[Candidate], language: str, max_risk: float | None, status: str, answer: str
) -> None:
    found = judge(candidates, CANNOT_TELL, CALIBRATION, question=COLOUR, language=language, max_risk=max_risk)
    assert (found.verdict.status, found.texts[0]) == (status, answer)
    assert sorted(found.texts) == sorted(candidate.text for candidate in candidates)
    assert bool(found.verdict.reason) == (status == "hand_over")


def test_a_hand_over_says_why() -> None:
    found = judge(UNSURE, CANNOT_TELL, CALIBRATION, question=COLOUR, language="en", max_risk=None)
    assert found.verdict.reason.endswith("is under 0.900, which a risk of 1% asks for")


HELD_TO = "(0.1% is the nearest stricter one that this calibration knows)"


@pytest.mark.parametrize(
    ("language", "max_risk", "words"),
    [
        ("en", 0.05, "confidence 0.150 is under 0.900, which a risk of 1% asks for"),
        ("zh", 0.007, f"confidence 0.150 is under 0.990, which a risk of 0.7% asks for {HELD_TO}"),
        ("zh", 0.0005, "a risk of 0.05% was asked for, but the strictest risk that this calibration knows is 0.1%"),
        ("en", 0.001, "no answer is sure enough for a risk of 0.1%"),
        ("en", 0.007, f"no answer is sure enough for a risk of 0.7% {HELD_TO}"),
    ],
)
def test_a_hand_over_names_the_risk_that_was_asked_for(language: str, max_risk: float, words: str) -> None:
    asked = float(np.float32(max_risk))  # as it travels
    assert verdict_of(0.15, CALIBRATION, refuses=False, language=language, max_risk=asked).reason == words


@pytest.mark.parametrize(("candidates", "status"), [(SURE, "answered"), (UNSURE, "answered"), (REFUSES, "cannot_tell")])
def test_without_calibration_nothing_is_handed_over(candidates: list[Candidate], status: str) -> None:
    found = judge(candidates, CANNOT_TELL, None, question=COLOUR, language="en", max_risk=0.001)
    assert found.verdict.status == status
    assert all(math.isnan(value) for value in found.confidences), "rather none than a made-up one"


NO_IDEA = [
    Candidate("not understood", 0.9, 3, 0.9),
    Candidate("red", 0.06, 2, 0.06),
    Candidate("没看懂", 0.01, 4, 0.01),
]
NOT_UNDERSTOOD = frozenset({"not understood", "没看懂"})


@pytest.mark.parametrize("calibration", [CALIBRATION, None])
def test_what_is_not_understood_goes_to_a_person_without_an_answer(calibration: Calibration | None) -> None:
    found = judge(
        NO_IDEA,
        CANNOT_TELL,
        calibration,
        question="<b>1</b>",
        language="en",
        max_risk=None,
        not_understood=NOT_UNDERSTOOD,
    )
    assert (found.verdict.status, found.verdict.reason) == ("hand_over", "the question is not understood")
    assert found.texts == ["", "red"], "its own words for it are no alternatives"
    assert found.confidences[0] == 0.0


@pytest.mark.parametrize(
    ("question", "answer", "status"),
    [
        ("What colour is it?", "yes", "hand_over"),
        ("Is it red?", "yes", "answered"),
        ("颜色？", "是", "hand_over"),
        ("是红色的吗？", "不是", "answered"),
        ("颜色？", "红色", "answered"),
        ("规格", "No", "hand_over"),
    ],
)
def test_a_yes_is_given_to_questions_that_ask_for_one(question: str, answer: str, status: str) -> None:
    for calibration in (CALIBRATION, None):
        candidates = [Candidate(answer, 0.9999, 2, 0.9999)]
        found = judge(candidates, CANNOT_TELL, calibration, question=question, language="en", max_risk=None)
        assert found.verdict.status == status


@given(st.lists(st.floats(1e-9, 1.0), min_size=1, max_size=5))
def test_confidences_are_probabilities(probabilities: list[float]) -> None:
    total = max(1.0, sum(probabilities))
    candidates = [Candidate(str(i), p / total, 2, p / total) for i, p in enumerate(probabilities)]
    for index in range(len(candidates)):
        sure = confidences(candidates, index, CALIBRATION)
        assert all(0 <= value <= 1 for value in sure)
        assert sum(sure) <= 1 + 1e-9


def test_a_certain_answer_has_finite_doubts() -> None:
    assert np.isfinite(doubts([Candidate("red", 1.0, 2, 1.0)], 0)).all()
    assert doubts([Candidate("red", 0.9, 2, 0.9)], 0)[0] == pytest.approx(math.log(0.1))


def test_doubts_of_a_token_do_not_grow_with_the_answers_length() -> None:
    short, long = (doubts([Candidate("red", 0.9**tokens, tokens, 0.9)], 0) for tokens in (2, 40))
    assert long[0] > short[0]
    assert long[3] == pytest.approx(short[3]) == math.log(0.1)
    assert long[4] == short[4] == pytest.approx(math.log(0.1))


def test_a_calibration_of_before_has_weights_for_the_first_doubts() -> None:
    found = doubts([Candidate("red", 0.9, 2, 0.7)], 0)
    before = replace(CALIBRATION, weights=(-1.0, 0.0, 0.0), bias=0.0)
    assert confidence_from_doubts(found, before) == pytest.approx(1 / (1 + math.exp(found[0])))


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("What is it?", "en"),
        ("这是什么？", "zh"),
        ("这是iPhone吗", "zh"),
        ("¿Qué es?", "en"),
        ("", "en"),
        ("？", "zh"),
        ("What colour is it? 😀", "en"),
        ("색깔?", "en"),
    ],
)
def test_the_questions_language(question: str, language: str) -> None:
    assert language_of(question) == language


@pytest.mark.parametrize("value", [0.0, -0.1, 1.5, math.inf])
def test_an_impossible_risk_is_refused(value: float) -> None:
    with pytest.raises(RiskError, match=f"MAX_RISK is {value:g}, but a share"):
        max_risk_from(value)


def test_a_risk_that_is_not_asked_for_is_none() -> None:
    assert max_risk_from(math.nan) is None
    assert max_risk_from(0.001) == 0.001


def test_the_file_is_read_back() -> None:
    content = {
        "weights": [-1.5, 0.2, 0.1],
        "bias": -2.0,
        "cannot_tell_threshold": 0.1,
        "default_risk": 0.01,
        "risks": {language: [asdict(point) for point in points] for language, points in CALIBRATION.risks.items()},
        "questions": 6300,
    }
    assert calibration_from_json(content) == CALIBRATION
    assert calibration_from_json(content) != replace(CALIBRATION, bias=0.0)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ({}, "calibration.json has no format number, but format 1 is expected: fit it again"),
        ({"format": 2}, "calibration.json is of format 2, but format 1 is expected"),
        ({"format": "1"}, "calibration.json is of format '1', but format 1 is expected"),
        ({"format": True}, "calibration.json is of format True, but format 1 is expected"),
    ],
)
def test_a_file_of_another_format_is_refused(tmp_path: Path, number: dict[str, object], words: str) -> None:
    file = tmp_path / "calibration.json"
    file.write_text(json.dumps({"weights": [1.0]} | number), "utf-8")
    for read in (read_calibration, read_choice_calibration):
        with pytest.raises(FormatError, match=words):
            read(file)


def test_no_file_is_no_calibration(tmp_path: Path) -> None:
    assert read_calibration(tmp_path / "none.json") is None
    assert read_choice_calibration(tmp_path / "none.json") is None


@pytest.mark.parametrize("risk", [0.001, 0.01])
def test_a_risk_that_travels_as_float32_is_the_same_risk(risk: float) -> None:
    verdicts = [
        verdict_of(0.9, CALIBRATION, refuses=False, language="en", max_risk=asked)
        for asked in (risk, float(np.float32(risk)))
    ]
    assert verdicts[0] == verdicts[1]
