"""Figures of how far confidence can be trusted, over graded questions. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evaluation.accuracy import Graded
from evaluation.figures import Figure, share

BINS = 15
RISK = "wrong among the answered"


@dataclass(frozen=True)
class Bin:
    """Questions of about one confidence."""

    confidence: float
    """Mean."""
    accuracy: float
    count: int


def trust_figures(graded: Sequence[Graded]) -> list[Figure]:
    """Compute the figures of calibrated answers, in all and in each language."""
    languages = sorted({row.language for row in graded})
    groups = {"all": graded, **{la: [row for row in graded if row.language == la] for la in languages}}
    return [figure for name, rows in groups.items() for figure in _trust_figures(name, rows)]


def _trust_figures(group: str, graded: Sequence[Graded]) -> list[Figure]:
    confidence = np.array([row.confidence for row in graded], np.float64)
    right = np.array([row.right for row in graded])
    given = [row for row in graded if row.status == "answered"]
    unanswerable = [row for row in graded if row.kind == "unanswerable"]
    return [
        Figure(
            f"trust, {group}", f"expected calibration error, {BINS} bins", expected_calibration_error(confidence, right)
        ),
        Figure(f"trust, {group}", "of it, by chance alone", chance_calibration_error(confidence)),
        Figure(f"trust, {group}", "Brier score", float(((confidence - right) ** 2).mean())),
        *share(f"trust, {group}", RISK, [not row.right for row in given]),
        *share(f"trust, {group}", "coverage (not handed over)", [row.status != "hand_over" for row in graded]),
        *share(f"trust, {group}", "unanswerable, and so said", [row.status == "cannot_tell" for row in unanswerable]),
        *share(
            f"trust, {group}",
            "answerable, but said not to be",
            [row.status == "cannot_tell" for row in graded if row.kind != "unanswerable"],
        ),
    ]


def expected_calibration_error(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy, over bins of equal numbers of questions."""
    return sum(abs(b.confidence - b.accuracy) * b.count for b in equal_mass_bins(confidence, right, bins)) / len(right)


def chance_calibration_error(confidence: NDArray[np.float64], *, draws: int = 200) -> float:
    """Compute the mean error if every confidence were true: one that small cannot be told from none."""
    random = np.random.default_rng(0)
    return float(
        np.mean(
            [expected_calibration_error(confidence, random.random(len(confidence)) < confidence) for _ in range(draws)]
        )
    )


def equal_mass_bins(confidence: NDArray[np.float64], right: NDArray[np.bool_], bins: int = BINS) -> list[Bin]:
    """Cut questions into at most `bins` bins of equal numbers, the least sure first."""
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
