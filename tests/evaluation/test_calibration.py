"""Trust figures against numbers worked out by hand."""

import numpy as np
import pytest

from evaluation.accuracy import Graded
from evaluation.calibration import (
    chance_calibration_error,
    equal_mass_bins,
    expected_calibration_error,
    risk_coverage_curve,
    trust_figures,
)
from evaluation.plots import trust_plot


def graded(
    right: bool, confidence: float, status: str = "answered", kind: str = "colour", language: str = "en"
) -> Graded:
    return Graded("p", kind, language, "?", ("red",), "red" if right else "blue", status, confidence)


def test_the_error_is_zero_where_confidence_is_accuracy() -> None:
    confidence = np.array([0.5] * 10 + [1.0] * 10)
    right = np.array([True, False] * 5 + [True] * 10)
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(0)


def test_the_error_is_the_mean_distance() -> None:
    confidence = np.array([0.9] * 10 + [0.6] * 10)
    right = np.array([True] * 5 + [False] * 5 + [True] * 6 + [False] * 4)
    assert expected_calibration_error(confidence, right, bins=2) == pytest.approx(0.4 / 2)
    low, high = equal_mass_bins(confidence, right, bins=2)
    assert (low.confidence, low.accuracy, low.count) == pytest.approx((0.6, 0.6, 10))
    assert (high.confidence, high.accuracy, high.count) == pytest.approx((0.9, 0.5, 10))


def test_chance_alone_makes_an_error_that_falls_with_the_number_of_questions() -> None:
    few, many = (chance_calibration_error(np.full(count, 0.9)) for count in (150, 15_000))
    # A bin of 10 is off by 0.8 standard errors on average, sqrt(0.09 / 10) = 0.095 each.
    assert few == pytest.approx(0.8 * 0.095, rel=0.15)
    assert many == pytest.approx(few / 10, rel=0.15)


def test_risk_and_coverage_count_verdicts() -> None:
    rows = [
        graded(True, 0.99),
        graded(False, 0.95),
        graded(False, 0.3, "hand_over"),
        Graded("p", "unanswerable", "zh", "?", ("看不出来",), "看不出来", "cannot_tell", 0.99),
        Graded("p", "unanswerable", "zh", "?", ("看不出来",), "红色", "answered", 0.9),
    ]
    found = {figure.name: figure.value for figure in trust_figures(rows) if figure.section == "trust, all"}
    assert found["wrong among the answered"] == pytest.approx(2 / 3)
    assert found["coverage (not handed over)"] == pytest.approx(4 / 5)
    assert found["unanswerable, and so said"] == 0.5
    assert found["answerable, but said not to be"] == 0
    assert found["Brier score"] == pytest.approx(np.mean([0.01**2, 0.95**2, 0.3**2, 0.01**2, 0.9**2]))


def test_without_unanswerable_questions_there_is_no_such_figure() -> None:
    assert "unanswerable, and so said" not in {figure.name for figure in trust_figures([graded(True, 0.9)])}


def test_the_curve_takes_the_surest_first() -> None:
    coverage, risk = risk_coverage_curve(np.array([0.5, 0.9, 0.8]), np.array([False, True, True]))
    assert coverage.tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert risk.tolist() == pytest.approx([0, 0, 1 / 3])


def test_the_plot_is_drawn() -> None:
    rows = [graded(i % 10 > 0, 0.5 + i / 200, language=("en", "zh")[i % 2]) for i in range(100)]
    assert trust_plot(rows, np.linspace(0.2, 1, 100))[:4] == b"\x89PNG"
