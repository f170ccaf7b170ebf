"""Measures whether anything grew, by slopes over the last half, and plots it all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from checks.soak.processes import Sample
from measuring.plots import plt, png_of

_SMALLEST_MEAN = 1e-9
_OTHER = "other "
"""Begin of the names of processes that are no step and have no name of their own; see `Served.tree`."""
_OTHERS = "all others together"
_COLOURS = {"python -m serving": "tab:purple", "tritonserver": "tab:red", "envoy": "tab:green", _OTHERS: "tab:grey"}
_COLOUR_OF_A_STEP = "tab:blue"


@dataclass(frozen=True)
class Growth:
    name: str
    unit: str
    mean: float
    """Mean over the last half."""
    share: float
    """Rise of the fitted line over the last half, as a share of the mean."""


def growths(samples: Sequence[Sample], duration_s: float) -> list[Growth]:
    """Fit each series over the last half; [] for a run that ended before it."""
    last = [sample for sample in samples if sample.at_s >= duration_s / 2]
    if len(last) < 2:
        return []
    times = [sample.at_s for sample in last]
    series: dict[tuple[str, str], list[float]] = {
        ("memory of all processes", "MiB"): [sum(sample.memory_mib.values()) for sample in last],
        ("open handles", ""): [sample.handles for sample in last],
        ("threads", ""): [sample.threads for sample in last],
        ("shared memory", "MiB"): [sample.shared_mib for sample in last],
        ("regions of shared memory", ""): [sample.regions for sample in last],
    }
    return [Growth(name, unit, *_mean_and_share(times, values)) for (name, unit), values in series.items()]


def _mean_and_share(times_s: Sequence[float], values: Sequence[float]) -> tuple[float, float]:
    slope, _ = np.polyfit(times_s, values, 1)
    mean = float(np.mean(values))
    return mean, float(slope * (times_s[-1] - times_s[0]) / max(mean, _SMALLEST_MEAN))


def plot(samples: Sequence[Sample], faults: Sequence[tuple[float, str]], file: Path) -> None:
    figure, axes = plt.subplots(4, 1, figsize=(12, 14), sharex=True, layout="constrained", height_ratios=(2, 1, 1, 1))
    minutes = [sample.at_s / 60 for sample in samples]
    _draw_processes(axes[0], minutes, samples)
    axes[1].plot(minutes, [sum(sample.memory_mib.values()) for sample in samples], label="all processes (USS)")
    axes[1].plot(minutes, [sample.shared_mib for sample in samples], label="shared memory")
    axes[1].set_ylabel("MiB")
    axes[2].plot(minutes, [sample.handles for sample in samples], label="open handles")
    axes[2].plot(minutes, [sample.threads for sample in samples], label="threads")
    axes[3].plot(minutes, [sample.regions for sample in samples], label="regions of shared memory")
    for axis in axes:
        axis.grid(alpha=0.3)
        axis.set_ylim(bottom=0)
        for at_s, _ in faults:
            axis.axvline(at_s / 60, color="tab:red", linewidth=0.8, linestyle=":")
    for axis in axes[1:]:
        axis.legend(fontsize=8)
    axes[0].set_title("Mixed load; blue: the steps; dotted: faults, in the first half only")
    axes[-1].set_xlabel("minutes")
    file.write_bytes(png_of(figure))


def _draw_processes(axes: Any, minutes: Sequence[float], samples: Sequence[Sample]) -> None:
    """Draw the memory of each process, with its name at the line's end: there are more than colours that differ."""
    often = Counter(name for sample in samples for name in sample.memory_mib)
    names = [name for name, times in often.items() if times > len(samples) / 10]  # not what only starts others
    lines = {
        name: [sample.memory_mib.get(name, np.nan) for sample in samples]
        for name in names
        if not name.startswith(_OTHER)
    }
    if len(lines) < len(names):
        lines[_OTHERS] = [
            sum(mib for name, mib in sample.memory_mib.items() if name.startswith(_OTHER)) for sample in samples
        ]
    ends = {name: next(mib for mib in reversed(values) if not np.isnan(mib)) for name, values in lines.items()}
    for number, name in enumerate(sorted(lines, key=lambda name: ends[name])):
        colour = _COLOURS.get(name, _COLOUR_OF_A_STEP)
        axes.plot(minutes, lines[name], linewidth=1, color=colour)
        axes.annotate(
            f"{name}, {ends[name]:.0f}",
            (minutes[-1], ends[name]),
            (1.03, (number + 0.5) / len(lines)),
            textcoords="axes fraction",
            fontsize=8,
            color=colour,
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "linewidth": 0.5, "color": colour, "relpos": (0, 0.5)},
        )
    axes.set_ylabel("memory of each process (USS), MiB")
