"""Times engines side by side. Values do not change their cost, except that a decoding loop ends with its answers."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

_MOST_RUNS, _LEAST_RUNS, _MOST_SECONDS = 15, 3, 5.0
"""Per engine: 15 runs at most, 3 at least, and none started after 5 s."""


def medians_ms(runs: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Median milliseconds of each, all in turn, so that a noisy machine troubles all alike."""
    times: dict[str, list[float]] = {label: [] for label in runs}
    end_s = time.perf_counter() + _MOST_SECONDS * len(runs)
    for number in range(_MOST_RUNS + 1):
        for label, run in runs.items():
            start_s = time.perf_counter()
            run()
            times[label].append(1e3 * (time.perf_counter() - start_s))
        if number >= _LEAST_RUNS and time.perf_counter() > end_s:
            break
    return {label: statistics.median(found[1:]) for label, found in times.items()}  # the first warms up
