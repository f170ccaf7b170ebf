"""Which of a caller's own answers is right, from how likely the decoder holds each of them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.calibration import Calibration, calibration_from_json, read_content
from vitrine_steps.confidence import confidence_from_doubts, log_doubt
from vitrine_steps.verdict import HAND_OVER, Verdict, handed_over_anyway, verdict_of

_LEAST_MASS = 1e-7  # float32 probabilities cannot say less


@dataclass(frozen=True)
class ChoiceCalibration:
    """Fitted by `builders/calibration/calibrate.py` on lists with known answers."""

    temperature: float
    length_exponent: float
    """A candidate's log-probability is divided by its number of tokens to this power: 0: not at all; 1: a mean."""
    trust: Calibration


@dataclass(frozen=True)
class Choice:
    probabilities: NDArray[np.float64]
    """[C], of the candidates, summing to 1."""
    refusal: float
    """Share of "cannot tell" when it stands beside the candidates, 0 to 1."""
    listed: float
    """What the decoder itself gives to all of the list and to refusals, 0 to 1; the rest are answers not in it."""

    @property
    def best(self) -> int:
        return int(self.probabilities.argmax())


def read_choice_calibration(file: Path) -> ChoiceCalibration | None:
    """Read what a calibration says of lists of allowed answers.

    Returns:
        None if there is no such file, or nothing about lists in it.

    Raises:
        FormatError: the file is of another format.
    """
    content = read_content(file)
    return choice_calibration_from_json(content["choices"]) if "choices" in content else None


def choice_calibration_from_json(content: dict[str, Any]) -> ChoiceCalibration:
    """Make a calibration from the part "choices" of the file."""
    return ChoiceCalibration(content["temperature"], content["length_exponent"], calibration_from_json(content))


def choice_from_scores(
    tokens: NDArray[np.integer[Any]],
    logprobs: NDArray[np.float32],
    *,
    refusals: int,
    temperature: float = 1.0,
    length_exponent: float = 0.0,
) -> Choice:
    """From log-probabilities to shares; by default the decoder's own.

    Args:
        tokens: [C + refusals], how many each row has, its end token counted in.
        logprobs: [C + refusals, S], natural logarithms, 0 on padding.
        refusals: how many of the last rows say "cannot tell".

    Raises:
        FloatingPointError: a log-probability is NaN, as after an overflow.
    """
    if np.isnan(logprobs).any():
        raise FloatingPointError("the scorer's log-probabilities are not numbers")
    sums = logprobs.sum(axis=1, dtype=np.float64)
    scores = sums / tokens**length_exponent / temperature
    weights = np.exp(scores - scores.max())
    shares = weights / weights.sum()
    count = len(sums) - refusals
    listed = np.exp(scores[:count] - scores[:count].max())
    return Choice(
        probabilities=listed / listed.sum(),
        refusal=float(shares[count:].sum()),
        listed=min(1.0, float(np.exp(sums).sum())),
    )


def choice_doubts(choice: Choice, *, refuses: bool) -> NDArray[np.float64]:
    """What tells a right choice from a wrong one.

    Returns:
        [2]: the logarithms of all probability but the choice's own, answers
        that are not in the list counted in, and of that of the next best.
    """
    shares = choice.probabilities * (1 - choice.refusal)
    ranked = np.sort(shares)[::-1]
    own, second = (choice.refusal, ranked[0]) if refuses else (ranked[0], max(choice.refusal, *ranked[1:2], 0.0))
    return np.array([log_doubt(own * choice.listed), math.log(max(second, _LEAST_MASS))])


@dataclass(frozen=True)
class ChoiceJudgement:
    """The choice for one question, with its verdict."""

    answer: str
    """The likeliest candidate; "" where the photo does not show it."""
    probabilities: NDArray[np.float64]
    """[C]"""
    confidence: float
    """That the answer is right, and no answer outside the list; NaN where nothing was calibrated."""
    verdict: Verdict


def judge_choice(
    candidates: Sequence[str],
    tokens: NDArray[np.integer[Any]],
    logprobs: NDArray[np.float32],
    calibration: ChoiceCalibration | None,
    *,
    question: str,
    language: str,
    max_risk: float | None,
) -> ChoiceJudgement:
    """From the scorer's log-probabilities to the choice and its verdict.

    Args:
        candidates: C texts.
        tokens, logprobs: [C + refusals] and [C + refusals, S]; see `choice_from_scores`.
    """
    refusals = len(tokens) - len(candidates)
    fairness = {}
    if calibration:
        fairness = {"temperature": calibration.temperature, "length_exponent": calibration.length_exponent}
    choice = choice_from_scores(tokens, logprobs, refusals=refusals, **fairness)
    refuses, confidence = False, math.nan
    if calibration:
        refuses = choice.refusal >= calibration.trust.cannot_tell_threshold
        confidence = confidence_from_doubts(choice_doubts(choice, refuses=refuses), calibration.trust)
    answer = "" if refuses else candidates[choice.best]
    if reason := handed_over_anyway(answer, frozenset(), question):
        verdict = Verdict(HAND_OVER, reason)
    else:
        trust = calibration.trust if calibration else None
        verdict = verdict_of(confidence, trust, refuses=refuses, language=language, max_risk=max_risk)
    return ChoiceJudgement(answer, choice.probabilities, confidence, verdict)
