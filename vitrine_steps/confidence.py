"""Turns the decoder's candidates into an answer, its alternatives, and calibrated confidences."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.calibration import Calibration
from vitrine_steps.verdict import HAND_OVER, Verdict, handed_over_anyway, verdict_of

_LEAST_DOUBT = 1e-7  # float32 probabilities cannot say less
_LEAST_SECOND = 1e-9


@dataclass(frozen=True)
class Candidate:
    """One answer of the decoder."""

    text: str
    probability: float
    """Product of the answer's token probabilities, 0 to 1; not calibrated."""
    tokens: int
    """Its tokens, the end counted in."""
    least: float
    """Probability of its least likely token, 0 to 1."""


@dataclass(frozen=True)
class Judgement:
    """The answer to one question, with its alternatives."""

    texts: list[str]
    """The answer first, "" where there is none; then the alternatives."""
    confidences: list[float]
    """Probability of each text to be right; NaN, rather than made up, where nothing was calibrated."""
    verdict: Verdict


def doubts(candidates: Sequence[Candidate], index: int) -> NDArray[np.float64]:
    """Compute what tells a right answer from a wrong one.

    The probability of a whole answer falls with its length, right or wrong; the last two do not.

    Returns:
        [5]: the logarithm of all probability but the candidate's own; that of
        the best other candidate; the candidate's number of tokens; and the
        first once more, of a token: of the geometric mean, and of the least likely one.
    """
    own = candidates[index]
    second = max((c.probability for i, c in enumerate(candidates) if i != index), default=0.0)
    whole, mean = own.probability, own.probability ** (1 / max(own.tokens, 1))
    second_log = math.log(max(second, _LEAST_SECOND))
    return np.array([log_doubt(whole), second_log, own.tokens, log_doubt(mean), log_doubt(own.least)])


def log_doubt(probability: float) -> float:
    """Return the natural logarithm of all probability but this one, of 1e-7 at least."""
    return math.log(max(1.0 - probability, _LEAST_DOUBT))


def confidence_from_doubts(doubts: NDArray[np.float64], calibration: Calibration) -> float:
    """Return the probability that an answer is right.

    Args:
        doubts: a calibration that was fitted when there were fewer has weights for the first ones.
    """
    score = calibration.bias + float(np.dot(calibration.weights, doubts[: len(calibration.weights)]))
    return 1.0 / (1.0 + math.exp(-score))


def confidences(candidates: Sequence[Candidate], index: int, calibration: Calibration) -> list[float]:
    """Return the probability that each candidate is right; the others share what the candidate `index` leaves.

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
    """Return the index of the answer: the first candidate, or "cannot tell" where that is likely enough."""
    total = sum(c.probability for c in candidates if c.text in cannot_tell)
    if total >= threshold:
        return next(i for i, c in enumerate(candidates) if c.text in cannot_tell)
    return 0


def judge(
    candidates: Sequence[Candidate],
    cannot_tell: frozenset[str],
    calibration: Calibration | None,
    *,
    question: str,
    language: str,
    max_risk: float | None,
    not_understood: frozenset[str] = frozenset(),
) -> Judgement:
    """Choose the answer among the decoder's candidates, and its verdict.

    Args:
        cannot_tell: the checkpoint's ways to say that the photo does not show it.
        language: of the question, "en" or "zh".
        max_risk: of this request; see `verdict.verdict_of`.
        not_understood: the checkpoint's ways to say that a text asks nothing that it understands; never among the
            texts.
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
        return Judgement([""] + [candidates[i].text for i in others], [0.0] + [sure[i] for i in others], verdict)
    order = [chosen, *others]
    return Judgement([candidates[i].text for i in order], [sure[i] for i in order], verdict)
