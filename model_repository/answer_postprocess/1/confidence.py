"""How sure an answer is, calibrated, and what follows from it: answered, cannot tell, or hand over."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from answer import Candidate
from numpy.typing import NDArray

ANSWERED = "answered"
CANNOT_TELL = "cannot_tell"
HAND_OVER = "hand_over"
LANGUAGES = ("en", "zh")

_FIRST_CJK = "\u2e80"
_LEAST_DOUBT = 1e-7  # float32 probabilities cannot say less
_LEAST_SECOND = 1e-9


@dataclass(frozen=True)
class RiskPoint:
    """One row of a risk table."""

    risk: float
    """Share of the given answers that may be wrong."""
    threshold: float
    """Answers less sure than this are handed over; above 1 where no threshold keeps the risk."""
    coverage: float
    """Share of the questions that were still answered, or rightly refused, when this was fitted."""


@dataclass(frozen=True)
class Calibration:
    """Fitted by `builders/calibration.py` on questions with known answers."""

    weights: tuple[float, ...]
    """Of a logistic regression, one for each of `doubts`."""
    bias: float
    cannot_tell_threshold: float
    """ "The photo does not show it" is the verdict from this probability on."""
    default_risk: float
    risks: dict[str, tuple[RiskPoint, ...]]
    """Per language, the strictest first."""


@dataclass(frozen=True)
class Verdict:
    status: str
    candidate: int
    """Which of the candidates is the answer."""
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
    return "zh" if any(character >= _FIRST_CJK for character in question) else "en"


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
            math.log(max(1.0 - own.probability, _LEAST_DOUBT)),
            math.log(max(second, _LEAST_SECOND)),
            own.tokens,
        ]
    )


def confidences(candidates: Sequence[Candidate], index: int, calibration: Calibration) -> list[float]:
    """The probability that each candidate is right; the others share what the candidate `index` leaves.

    Returns:
        As many as there are candidates, summing to at most 1.
    """
    score = calibration.bias + float(np.dot(calibration.weights, doubts(candidates, index)))
    own = 1.0 / (1.0 + math.exp(-score))
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
    candidates: Sequence[Candidate],
    cannot_tell: frozenset[str],
    calibration: Calibration | None,
    *,
    language: str,
    max_risk: float | None,
) -> Verdict:
    """
    Args:
        max_risk: of this request; it can only be stricter than the calibration's own.
    """
    if calibration is None:
        return Verdict(CANNOT_TELL if candidates[0].text in cannot_tell else ANSWERED, 0, "")
    index = chosen_candidate(candidates, cannot_tell, calibration.cannot_tell_threshold)
    if candidates[index].text in cannot_tell:
        return Verdict(CANNOT_TELL, index, "")
    risk = calibration.default_risk if max_risk is None else min(max_risk, calibration.default_risk)
    point = next((p for p in reversed(calibration.risks[language]) if p.risk <= risk), None)
    if point is None or point.threshold > 1:
        return Verdict(HAND_OVER, index, f"no answer is sure enough for a risk of {100 * risk:g}%")
    confidence = confidences(candidates, index, calibration)[index]
    if confidence < point.threshold:
        asked_for = f"which a risk of {100 * point.risk:g}% asks for"
        reason = f"confidence {confidence:.3f} is under {point.threshold:.3f}, {asked_for}"
        return Verdict(HAND_OVER, index, reason)
    return Verdict(ANSWERED, index, "")
