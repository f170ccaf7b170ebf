"""The report's plots, as PNG."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from evaluation.accuracy import SECTION, Graded
from evaluation.calibration import BINS, equal_mass_bins, risk_coverage_curve
from evaluation.figures import Figure
from evaluation.journal import Row
from measuring.plots import plt, png_of

_NAMES = {"en": "English", "zh": "Chinese"}
_COLOURS = {"en": "tab:blue", "zh": "tab:orange"}


def accuracy_plot(figures: Sequence[Figure], kinds: Sequence[str]) -> bytes:
    """Draw accuracy by kind and language, with its 95 % interval."""
    found = {figure.name: figure for figure in figures if figure.section == SECTION}
    figure, axes = plt.subplots(figsize=(8, 0.5 * len(kinds) + 1.2), layout="constrained")
    for offset, language in ((-0.12, "en"), (0.12, "zh")):
        rows = [
            (y + offset, found[f"{kind}, {language}"]) for y, kind in enumerate(kinds) if f"{kind}, {language}" in found
        ]
        for y, share in rows:
            low, high = share.interval or (share.value, share.value)
            axes.plot([100 * low, 100 * high], [y, y], color=_COLOURS[language], linewidth=1.5)
        axes.plot(
            [100 * s.value for _, s in rows],
            [y for y, _ in rows],
            "o",
            color=_COLOURS[language],
            label=_NAMES[language],
        )
    axes.set(
        yticks=range(len(kinds)), yticklabels=kinds, xlabel="exactly right, %", title="Accuracy, with 95 % intervals"
    )
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    axes.legend()
    return png_of(figure)


def trust_plot(graded: Sequence[Graded], raw: NDArray[np.float64] | None) -> bytes:
    """A reliability diagram and risk-coverage curves, by language.

    Args:
        graded: all with a confidence.
        raw: probabilities before calibration, drawn beside; None: not measured.
    """
    confidence = np.array([row.confidence for row in graded], np.float64)
    right = np.array([row.right for row in graded])
    figure, (left, middle) = plt.subplots(1, 2, figsize=(11, 4.5), layout="constrained")
    lowest = 1.0
    for name, values, marker in (("before calibration", raw, "x"), ("calibrated", confidence, "o")):
        if values is not None:
            bins = equal_mass_bins(values, right)
            left.plot([b.confidence for b in bins], [b.accuracy for b in bins], marker, label=name, markersize=6)
            lowest = min(lowest, *(min(b.confidence, b.accuracy) for b in bins))
    left.plot([0, 1], [0, 1], color="grey", linewidth=0.8, label="perfect")
    left.set(xlim=(max(0.0, lowest - 0.05), 1.01), ylim=(max(0.0, lowest - 0.05), 1.01))
    left.set(xlabel="confidence", ylabel="share of right answers", title=f"Reliability, {BINS} bins of equal numbers")
    left.legend()
    for language, name in _NAMES.items():
        of = np.array([row.language == language for row in graded])
        if of.any():
            coverage, risk = risk_coverage_curve(confidence[of], right[of])
            middle.plot(100 * coverage, 100 * risk, label=name, color=_COLOURS[language])
    middle.set(xlabel="coverage, %", ylabel="wrong among them, %", title="Risk, the surest answers first")
    middle.legend()
    return png_of(figure)


def share_plot(figures: Sequence[Figure], title: str) -> bytes:
    """Draw shares as points with their 95 % intervals."""
    shares = [figure for figure in figures if figure.interval]
    figure, axes = plt.subplots(figsize=(8, 0.4 * len(shares) + 1.2), layout="constrained")
    for y, share in enumerate(shares):
        low, high = share.interval or (0.0, 1.0)
        axes.plot([100 * low, 100 * high], [y, y], color="tab:blue", linewidth=1.5)
        axes.plot(100 * share.value, y, "o", color="tab:blue")
    axes.set(yticks=range(len(shares)), yticklabels=[s.name for s in shares], xlabel="%", title=title)
    axes.invert_yaxis()
    axes.grid(axis="x", alpha=0.3)
    return png_of(figure)


def confidence_plot(familiar: Sequence[Graded], unfamiliar: Sequence[Row]) -> bytes:
    """Draw how sure answers are about the catalogue's photos and about unfamiliar ones."""
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    bins = np.linspace(0, 1, 41).tolist()
    for name, values in (
        ("familiar", [row.confidence for row in familiar if row.confidence is not None]),
        ("unfamiliar", [row["confidence"] for row in unfamiliar if row["confidence"] is not None]),
    ):
        axes.hist(values, bins, weights=np.full(len(values), 100 / max(1, len(values))), alpha=0.6, label=name)
    axes.set(xlabel="confidence", ylabel="% of the answers", yscale="log", title="Confidence on unfamiliar photos")
    axes.legend()
    return png_of(figure)
