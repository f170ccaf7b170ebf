"""How far confidence can be trusted: pure figures over graded questions."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluation.accuracy import Graded

BINS = 15


@dataclass(frozen=True)
class Bin:
    """Questions of about one confidence."""

    confidence: float
    """Mean."""
    accuracy: float
    count: int


@dataclass(frozen=True)
class Trust:
    """Of some questions, asked of a calibrated server."""

    asked: int
    expected_calibration_error: float
    """Over bins of equal numbers of questions."""
    brier: float
    answered: int
    risk: float
    """Share of the answered ones that are wrong."""
    coverage: float
    """Share of all questions that are not handed over."""
    unanswerable_refused: float
    """Share of the questions that no photo answers with the verdict "cannot_tell"; NaN without such questions."""
    answerable_refused: float
    """Share of the others with that verdict."""


def trust_in(graded: Sequence[Graded]) -> Trust:
    """
    Args:
        graded: all with a confidence.
    """
    confidence = np.array([row.confidence for row in graded], np.float64)
    right = np.array([row.right for row in graded])
    given = np.array([row.status == "answered" for row in graded])
    refused = np.array([row.status == "cannot_tell" for row in graded])
    unanswerable = np.array([row.kind == "unanswerable" for row in graded])
    return Trust(
        asked=len(graded),
        expected_calibration_error=expected_calibration_error(confidence, right),
        brier=float(((confidence - right) ** 2).mean()),
        answered=int(given.sum()),
        risk=float((~right[given]).mean()) if given.any() else 0.0,
        coverage=float((given | refused).mean()),
        unanswerable_refused=float(refused[unanswerable].mean()) if unanswerable.any() else float("nan"),
        answerable_refused=float(refused[~unanswerable].mean()) if (~unanswerable).any() else float("nan"),
    )


def expected_calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy, over bins of equal numbers of questions."""
    return sum(abs(b.confidence - b.accuracy) * b.count for b in equal_mass_bins(confidence, right, bins)) / len(right)


def equal_mass_bins(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """At most `bins`, the least sure first."""
    order = np.argsort(confidence, kind="stable")
    return [
        Bin(float(confidence[part].mean()), float(right[part].mean()), len(part))
        for part in np.array_split(order, bins)
        if len(part)
    ]


def risk_coverage_curve(
    confidence: NDArray[np.float64], right: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Coverage and risk as the threshold falls, the surest questions first."""
    order = np.argsort(-confidence, kind="stable")
    numbers = np.arange(1, len(order) + 1)
    return numbers / len(order), np.cumsum(~right[order]) / numbers


def draw_trust(graded: Sequence[Graded], raw: NDArray[np.float64] | None, file: Path) -> None:
    """A reliability diagram and risk-coverage curves, by language, as a PNG.

    Args:
        raw: probabilities before calibration, drawn beside; None: not measured.
    """
    import matplotlib as mpl

    mpl.use("Agg")
    import matplotlib.pyplot as plt

    confidence = np.array([row.confidence for row in graded], np.float64)
    right = np.array([row.right for row in graded])
    figure, (left, middle) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    low = 0.0
    for name, values, marker in (("before calibration", raw, "x"), ("calibrated", confidence, "o")):
        if values is not None:
            found = equal_mass_bins(values, right)
            left.plot([b.confidence for b in found], [b.accuracy for b in found], marker, label=name, markersize=6)
            low = min(b.confidence for b in found) if not low else min(low, *(b.confidence for b in found))
    left.plot([0, 1], [0, 1], color="grey", linewidth=0.8, label="perfect")
    left.set(xlim=(max(0.0, low - 0.05), 1.01), ylim=(max(0.0, low - 0.05), 1.01))
    left.set(xlabel="confidence", ylabel="share of right answers", title=f"Reliability, {BINS} bins of equal numbers")
    left.legend()
    for language, name in (("en", "English"), ("zh", "Chinese")):
        of = np.array([row.language == language for row in graded])
        if of.any():
            coverage, risk = risk_coverage_curve(confidence[of], right[of])
            middle.plot(100 * coverage, 100 * risk, label=name)
    middle.set(xlabel="coverage, %", ylabel="wrong among them, %", title="Risk, the surest answers first")
    middle.legend()
    figure.savefig(file, dpi=110)
    plt.close(figure)
