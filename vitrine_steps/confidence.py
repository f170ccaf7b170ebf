"""How sure an answer is, calibrated, and what follows from it: answered, cannot tell, or hand over.

The builder copies this file into the version folder of each Python model.
"""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.yes_no import misses_the_question

ANSWERED = "answered"
CANNOT_TELL = "cannot_tell"
HAND_OVER = "hand_over"
LANGUAGES = ("en", "zh")
NOT_UNDERSTOOD = "the question is not understood"
NOT_YES_OR_NO = "the answer is yes or no, but the question does not ask for one"

_CHINESE = re.compile("[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")  # with its punctuation
_FLOAT32 = 1 + 1e-6
_LEAST_DOUBT = 1e-7  # float32 probabilities cannot say less
_LEAST_SECOND = 1e-9


@dataclass(frozen=True)
class Candidate:
    text: str
    probability: float
    """Product of the answer's token probabilities, 0 to 1; not calibrated."""
    tokens: int
    """Its tokens, the end counted in."""


@dataclass(frozen=True)
class RiskPoint:
    """One row of a risk table."""

    risk: float
    """Share of the given answers that may be wrong, and of the given refusals."""
    threshold: float
    """Answers less sure than this are handed over; above 1 where no threshold keeps the risk."""
    refusal_threshold: float
    """The same for "the photo does not show it"."""
    coverage: float
    """Share of the questions that were still answered or refused when this was fitted."""


@dataclass(frozen=True)
class Calibration:
    """Fitted by `builders/calibration/calibrate.py` on questions with known answers."""

    weights: tuple[float, ...]
    """Of a logistic regression, one for each of `doubts`."""
    bias: float
    cannot_tell_threshold: float
    """ "The photo does not show it" is taken for the answer from this probability on."""
    default_risk: float
    risks: dict[str, tuple[RiskPoint, ...]]
    """Per language, the strictest first."""


@dataclass(frozen=True)
class Verdict:
    status: str
    reason: str
    """Why it is handed over; "" otherwise."""


class RiskError(ValueError):
    """A risk that was asked for is impossible; the message is fit for the caller."""


def max_risk_from(value: float) -> float | None:
    """
    Args:
        value: NaN: none was asked for.

    Raises:
        RiskError: not a share.
    """
    if math.isnan(value):
        return None
    if not 0 < value <= 1:
        raise RiskError(f"MAX_RISK is {value:g}, but a share of wrong answers is expected: more than 0, at most 1")
    return value


def read_calibration(file: Path) -> Calibration | None:
    """None if there is no such file: the checkpoint was built without calibration."""
    if not file.exists():
        return None
    return calibration_from_json(json.loads(file.read_text(encoding="utf-8")))


def calibration_from_json(content: dict[str, Any]) -> Calibration:
    return Calibration(
        weights=tuple(content["weights"]),
        bias=content["bias"],
        cannot_tell_threshold=content["cannot_tell_threshold"],
        default_risk=content["default_risk"],
        risks={language: tuple(RiskPoint(**row) for row in rows) for language, rows in content["risks"].items()},
    )


def language_of(question: str) -> str:
    """ "zh" for a question with a Chinese character in it, else "en"."""
    return "zh" if _CHINESE.search(question) else "en"


def doubts(candidates: Sequence[Candidate], index: int) -> NDArray[np.float64]:
    """What tells a right answer from a wrong one.

    Returns:
        [3]: the logarithm of all probability but the candidate's own, that of
        the best other candidate, and the candidate's number of tokens.
    """
    own = candidates[index]
    second = max((c.probability for i, c in enumerate(candidates) if i != index), default=0.0)
    return np.array(
        [
            log_doubt(own.probability),
            math.log(max(second, _LEAST_SECOND)),
            own.tokens,
        ]
    )


def log_doubt(probability: float) -> float:
    """Logarithm of all probability but this."""
    return math.log(max(1.0 - probability, _LEAST_DOUBT))


def confidence_from_doubts(doubts: NDArray[np.float64], calibration: Calibration) -> float:
    """The probability that an answer is right.

    Args:
        doubts: as many as the calibration has weights.
    """
    score = calibration.bias + float(np.dot(calibration.weights, doubts))
    return 1.0 / (1.0 + math.exp(-score))


def confidences(candidates: Sequence[Candidate], index: int, calibration: Calibration) -> list[float]:
    """The probability that each candidate is right; the others share what the candidate `index` leaves.

    Returns:
        As many as there are candidates, summing to at most 1.
    """
    own = confidence_from_doubts(doubts(candidates, index), calibration)
    others = 1.0 - candidates[index].probability
    return [
        own if i == index else (1.0 - own) * min(1.0, c.probability / max(others, _LEAST_DOUBT))
        for i, c in enumerate(candidates)
    ]


def chosen_candidate(candidates: Sequence[Candidate], cannot_tell: frozenset[str], threshold: float) -> int:
    """Index of the answer: the first candidate, or "cannot tell" where that is likely enough."""
    total = sum(c.probability for c in candidates if c.text in cannot_tell)
    if total >= threshold:
        return next(i for i, c in enumerate(candidates) if c.text in cannot_tell)
    return 0


def verdict_of(
    confidence: float,
    calibration: Calibration | None,
    *,
    refuses: bool,
    language: str,
    max_risk: float | None,
) -> Verdict:
    """
    Args:
        confidence: that the answer is right; unused without a calibration.
        refuses: the answer is that the photo does not show it.
        max_risk: of this request; it can only be stricter than the calibration's own.
    """
    given = Verdict(CANNOT_TELL if refuses else ANSWERED, "")
    if calibration is None:
        return given
    risk = calibration.default_risk if max_risk is None else min(max_risk, calibration.default_risk)
    point = next((p for p in reversed(calibration.risks[language]) if p.risk <= risk * _FLOAT32), None)
    threshold = (point.refusal_threshold if refuses else point.threshold) if point else math.inf
    if point is None or threshold > 1:
        return Verdict(HAND_OVER, f"no answer is sure enough for a risk of {100 * risk:g}%")
    if confidence < threshold:
        asked_for = f"which a risk of {100 * point.risk:g}% asks for"
        return Verdict(HAND_OVER, f"confidence {confidence:.3f} is under {threshold:.3f}, {asked_for}")
    return given


def handed_over_anyway(answer: str, not_understood: frozenset[str], question: str) -> str | None:
    """Return why an answer goes to a person however sure it is, or None.

    Args:
        not_understood: the checkpoint's ways to say that a text asks nothing that it understands.
    """
    if answer in not_understood:
        return NOT_UNDERSTOOD
    return NOT_YES_OR_NO if misses_the_question(answer, question) else None


@dataclass(frozen=True)
class Judged:
    """What is made of a question's candidates."""

    texts: list[str]
    """The answer first, "" where there is none; then the alternatives."""
    confidences: list[float]
    """Probability of each text to be right; NaN, rather than made up, where nothing was calibrated."""
    verdict: Verdict


def judged(
    candidates: Sequence[Candidate],
    cannot_tell: frozenset[str],
    calibration: Calibration | None,
    *,
    question: str,
    language: str,
    max_risk: float | None,
    not_understood: frozenset[str] = frozenset(),
) -> Judged:
    """Choose the answer among the decoder's candidates, and its verdict.

    Args:
        cannot_tell: the checkpoint's ways to say that the photo does not show it.
        not_understood: its ways to say that a text asks nothing that it understands; never among the texts.
    """
    chosen, sure = 0, [math.nan] * len(candidates)
    if calibration:
        chosen = chosen_candidate(candidates, cannot_tell, calibration.cannot_tell_threshold)
        sure = confidences(candidates, chosen, calibration)
    answer = candidates[chosen].text
    if reason := handed_over_anyway(answer, not_understood, question):
        verdict = Verdict(HAND_OVER, reason)
    else:
        refuses = answer in cannot_tell
        verdict = verdict_of(sure[chosen], calibration, refuses=refuses, language=language, max_risk=max_risk)
    others = [i for i, c in enumerate(candidates) if i != chosen and c.text not in not_understood]
    if answer in not_understood:
        return Judged([""] + [candidates[i].text for i in others], [0.0] + [sure[i] for i in others], verdict)
    order = [chosen, *others]
    return Judged([candidates[i].text for i in order], [sure[i] for i in order], verdict)
