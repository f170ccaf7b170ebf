"""Decides from a confidence what becomes of an answer: answered, cannot tell, or handed over to a person."""

import math
import re
from dataclasses import dataclass

from vitrine_steps.calibration import Calibration
from vitrine_steps.chinese import CHINESE_CLASS
from vitrine_steps.yes_no import misses_the_question

ANSWERED = "answered"
CANNOT_TELL = "cannot_tell"
HAND_OVER = "hand_over"
LANGUAGES = ("en", "zh")
NOT_UNDERSTOOD = "the question is not understood"
NOT_YES_OR_NO = "the answer is yes or no, but the question does not ask for one"

_CHINESE = re.compile(CHINESE_CLASS)
_FLOAT32 = 1 + 1e-6


@dataclass(frozen=True)
class Verdict:
    """Verdict on one answer."""

    status: str
    """One of ANSWERED, CANNOT_TELL and HAND_OVER."""
    reason: str
    """Reason why it is handed over; "" otherwise."""


class RiskError(ValueError):
    """Refusal of a risk that cannot be; the message is fit for the caller."""


def max_risk_from(value: float) -> float | None:
    """Check the risk of one request, the tensor MAX_RISK.

    Args:
        value: more than 0, at most 1; NaN: none was asked for.

    Raises:
        RiskError: not a share.
    """
    if math.isnan(value):
        return None
    if not 0 < value <= 1:
        raise RiskError(f"MAX_RISK is {value:g}, but a share of wrong answers is expected: more than 0, at most 1")
    return value


def language_of(question: str) -> str:
    """Return "zh" for a question with a Chinese character in it, else "en"."""
    return "zh" if _CHINESE.search(question) else "en"


def verdict_of(
    confidence: float,
    calibration: Calibration | None,
    *,
    refuses: bool,
    language: str,
    max_risk: float | None,
) -> Verdict:
    """Hold an answer's confidence against the threshold of the risk that is allowed.

    Args:
        confidence: probability that the answer is right, 0 to 1; unused without a calibration.
        refuses: whether the answer is that the photo does not show it.
        language: "en" or "zh"; each has thresholds of its own.
        max_risk: of this request; it can only be stricter than the calibration's own.
    """
    given = Verdict(CANNOT_TELL if refuses else ANSWERED, "")
    if calibration is None:
        return given
    risk = calibration.default_risk if max_risk is None else min(max_risk, calibration.default_risk)
    points = calibration.risks[language]
    point = next((p for p in reversed(points) if p.risk <= risk * _FLOAT32), None)
    asked = f"a risk of {100 * risk:g}%"
    if point is None:
        strictest = f"the strictest risk that this calibration knows is {100 * points[0].risk:g}%"
        return Verdict(HAND_OVER, f"{asked} was asked for, but {strictest}")
    threshold = point.refusal_threshold if refuses else point.threshold
    is_fitted = point.risk * _FLOAT32 >= risk
    used = "" if is_fitted else f" ({100 * point.risk:g}% is the nearest stricter one that this calibration knows)"
    if threshold > 1:
        return Verdict(HAND_OVER, f"no answer is sure enough for {asked}{used}")
    if confidence < threshold:
        under = f"confidence {confidence:.3f} is under {threshold:.3f}"
        return Verdict(HAND_OVER, f"{under}, which {asked} asks for{used}")
    return given


def handed_over_anyway(answer: str, not_understood: frozenset[str], question: str) -> str | None:
    """Return why an answer goes to a person however sure it is, or None.

    Args:
        not_understood: the checkpoint's ways to say that a text asks nothing that it understands.
    """
    if answer in not_understood:
        return NOT_UNDERSTOOD
    return NOT_YES_OR_NO if misses_the_question(answer, question) else None
