"""What a plot of a run shows, and of how many requests."""

import numpy as np
import pytest

from loadtest.figures import Window
from loadtest.plots import over_time_plot, percentile_over_time
from loadtest.samples import SAMPLE
from loadtest.schedule import ArrivalProfile


def samples(count: int) -> np.ndarray:
    found = np.zeros(count, SAMPLE)
    found["intended_s"] = np.arange(count) / 10
    found["latency_s"] = 0.02
    return found


@pytest.mark.parametrize(("count", "percent", "points"), [(99, 99, 0), (100, 99, 1), (399, 99, 3), (399, 50, 19)])
def test_a_percentile_is_taken_of_as_many_requests_as_it_needs(count: int, percent: int, points: int) -> None:
    times, values = percentile_over_time(samples(count), percent)
    assert len(times) == len(values) == points
    assert values == pytest.approx([20.0] * points)


@pytest.mark.parametrize("count", [0, 1, 500])
@pytest.mark.parametrize("profile", [None, ArrivalProfile("ramp", 5, 50, 20)])
def test_a_run_of_any_length_is_drawn(count: int, profile: ArrivalProfile | None) -> None:
    assert over_time_plot(samples(count), Window(1, 50), profile=profile).startswith(b"\x89PNG")
