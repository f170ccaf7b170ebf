"""Fits how sure answers are, from questions that were asked and whose answers are known."""

from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.calibration.ask import Asked, Scored
from builders.errors import BuildError, UsageError
from vitrine_steps.calibration import CALIBRATION_FORMAT, RiskPoint
from vitrine_steps.choice import Choice, choice_doubts, choice_from_scores
from vitrine_steps.confidence import chosen_candidate, doubts
from vitrine_steps.verdict import handed_over_anyway

RISKS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1)
LEAST_QUESTIONS = 500
MAX_WRONG_REFUSALS = 0.002
"""Share of the questions that a photo does answer, and that may be refused for a lower threshold of refusal."""
_REFUSAL_THRESHOLDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
_LEAST_CONFIDENCE = 0.5
_LENGTH_EXPONENTS = (0.0, 0.25, 0.5, 0.75, 1.0)
_LOG_TEMPERATURES = (-2.0, 2.0)
_TOKENS = 2  # the place of the number of tokens among the inputs, where it is one; the others are doubts


def fit_calibration(
    rows: Sequence[Asked],
    cannot_tell: frozenset[str],
    *,
    default_risk: float,
    not_understood: frozenset[str] = frozenset(),
) -> dict[str, Any]:
    """Return the contents of `calibration.json`, but for where its data came from.

    What is handed over however sure it is (texts that are not understood, a yes where none was asked for) says
    nothing about how far given answers can be trusted, and is left out.

    Raises:
        BuildError: too few questions, or all answers right, or all wrong.
    """
    if len(rows) < LEAST_QUESTIONS:
        raise UsageError(f"{len(rows)} labelled questions came, but a calibration needs {LEAST_QUESTIONS} at least")
    likely = np.array([sum(c.probability for c in row.candidates if c.text in cannot_tell) for row in rows])
    # A text that asks nothing may be refused as well as handed over.
    refusal = _refusal_threshold(likely, [not (row.unanswerable or row.asks_nothing) for row in rows])
    chosen = [(row, chosen_candidate(row.candidates, cannot_tell, refusal)) for row in rows]
    given = _given(chosen, not_understood)
    trust = _fit_trust(
        [doubts(row.candidates, index) for row, index in given],
        [row.right[index] for row, index in given],
        [row.candidates[index].text in cannot_tell for row, index in given],
        [row.language for row, _ in given],
        default_risk,
    )
    return {
        "format": CALIBRATION_FORMAT,
        "method": f"logistic regression, scikit-learn {version('scikit-learn')}",
        "questions": len(rows),
        "cannot_tell_threshold": refusal,
        **trust,
        **_fit_choices([row for row in rows if row.listed], default_risk),
    }


def _given(chosen: Sequence[tuple[Asked, int]], not_understood: frozenset[str]) -> list[tuple[Asked, int]]:
    """Keep the answers that are not handed over however sure they are."""
    given = [
        (row, index)
        for row, index in chosen
        if handed_over_anyway(row.candidates[index].text, not_understood, row.question) is None
    ]
    if not given:
        raise UsageError(f"none of {len(chosen)} labelled questions is understood: nothing to calibrate on")
    return given


def _fit_choices(rows: Sequence[Asked], default_risk: float) -> dict[str, Any]:
    """The same for lists of allowed answers, as "choices"; how much length counts there, and how flat the shares are.

    Nothing where too few questions came with a list: choices will say that they are uncalibrated.
    """
    if len(rows) < LEAST_QUESTIONS:
        return {}
    lists = [row.listed for row in rows if row.listed]
    exponent, temperature = _fairness([scored for scored in lists if any(scored.right)])
    choices = [_choice(scored, temperature, exponent) for scored in lists]
    refusal = _refusal_threshold(np.array([c.refusal for c in choices]), [any(scored.right) for scored in lists])
    refused = [choice.refusal >= refusal for choice in choices]
    right = [
        row.unanswerable if refuses else scored.right[choice.best]
        for row, scored, choice, refuses in zip(rows, lists, choices, refused, strict=True)
    ]
    trust = _fit_trust(
        [choice_doubts(choice, refuses=refuses) for choice, refuses in zip(choices, refused, strict=True)],
        right,
        refused,
        [row.language for row in rows],
        default_risk,
    )
    return {
        "choices": {
            "questions": len(rows),
            "temperature": temperature,
            "length_exponent": exponent,
            "cannot_tell_threshold": refusal,
            **trust,
        }
    }


def _choice(scored: Scored, temperature: float, exponent: float) -> Choice:
    return choice_from_scores(
        scored.tokens,
        scored.logprobs,
        refusals=scored.refusals,
        temperature=temperature,
        length_exponent=exponent,
    )


def _fairness(lists: Sequence[Scored]) -> tuple[float, float]:
    """Length exponent and temperature under which the right candidates are likeliest."""
    from scipy.optimize import minimize_scalar

    if not lists:
        raise UsageError("no list of candidates holds the right answer: nothing to calibrate choices on")

    def loss(exponent: float, log_temperature: float) -> float:
        total = 0.0
        for scored in lists:
            choice = _choice(scored, float(np.exp(log_temperature)), exponent)
            total -= float(np.log(max(choice.probabilities[list(scored.right)].sum(), 1e-12)))
        return total

    fits = [
        (exponent, minimize_scalar(lambda t, e=exponent: loss(e, t), bounds=_LOG_TEMPERATURES, options={"xatol": 0.05}))
        for exponent in _LENGTH_EXPONENTS
    ]
    exponent, best = min(fits, key=lambda fit: fit[1].fun)
    return exponent, float(np.exp(best.x))


def _fit_trust(
    inputs: Sequence[NDArray[np.float64]],
    right: Sequence[bool],
    refused: Sequence[bool],
    languages: Sequence[str],
    default_risk: float,
) -> dict[str, Any]:
    """A logistic regression from doubts to whether an answer was right; and per language, from the risk-coverage
    curves of answers and of refusals, the lowest thresholds of confidence that keep each risk."""
    if len(set(right)) == 1:
        raise BuildError(f"all {len(right)} answers are {'right' if right[0] else 'wrong'}: nothing to calibrate on")
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rights, found = np.array(right), np.stack(inputs)
    used = np.ones(found.shape[1], bool)
    while True:
        pipeline = make_pipeline(StandardScaler(), LogisticRegression()).fit(found * used, rights)
        scaler, regression = pipeline[0], pipeline[1]
        # More doubt must not make an answer surer, as it may seem where two doubts go together.
        wrong = [place for place, weight in enumerate(regression.coef_[0]) if weight > 0 and place != _TOKENS]
        if not wrong:
            break
        used[wrong[0]] = False
    confidence = pipeline.predict_proba(found * used)[:, 1]
    weights = used * regression.coef_[0] / scaler.scale_
    risks = {
        language: [asdict(p) for p in _risk_points(confidence[of], rights[of], np.array(refused)[of])]
        for language in ("en", "zh")
        if (of := np.array([row == language for row in languages])).any()
    }
    return {
        "weights": weights.tolist(),
        "bias": float(regression.intercept_[0] - np.dot(weights, scaler.mean_)),
        "default_risk": default_risk,
        # A language that the data lacks is held to the other's thresholds.
        "risks": {language: risks.get(language, next(iter(risks.values()))) for language in ("en", "zh")},
    }


def _refusal_threshold(likely: NDArray[np.float64], answerable: Sequence[bool]) -> float:
    """The lowest at which few answerable questions are refused.

    Args:
        likely: probability of "cannot tell", per question.
    """
    refused = likely[np.array(answerable)]
    for threshold in _REFUSAL_THRESHOLDS:
        if (refused >= threshold).mean() <= MAX_WRONG_REFUSALS:
            return threshold
    return _REFUSAL_THRESHOLDS[-1]


def _risk_points(
    confidence: NDArray[np.float64], right: NDArray[np.bool_], refused: NDArray[np.bool_]
) -> list[RiskPoint]:
    """For each risk, the lowest thresholds at which no more of the answers, and of the refusals, are wrong."""
    points = []
    for risk in RISKS:
        threshold, answered = _lowest_threshold(confidence[~refused], right[~refused], risk)
        refusal_threshold, given = _lowest_threshold(confidence[refused], right[refused], risk)
        points.append(RiskPoint(risk, threshold, refusal_threshold, (answered + given) / len(confidence)))
    return points


def _lowest_threshold(confidence: NDArray[np.float64], right: NDArray[np.bool_], risk: float) -> tuple[float, int]:
    """The threshold, and how many are given from it on; 2 where none keeps the risk.

    What is likelier wrong than right is not given, however large the risk.
    """
    order = np.argsort(-confidence)
    keeps = np.cumsum(~right[order]) <= risk * np.arange(1, len(order) + 1)
    sure = confidence[order]
    is_last_of_its_like = np.append(sure[1:] < sure[:-1], True)  # all that are as sure are given along
    kept = np.flatnonzero(keeps & is_last_of_its_like & (sure >= _LEAST_CONFIDENCE))
    return (float(sure[kept[-1]]), int(kept[-1]) + 1) if len(kept) else (2.0, 0)
