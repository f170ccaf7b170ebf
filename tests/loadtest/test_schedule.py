"""Schedules are what they are asked to be, and the same each time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtest.options import Arrivals
from loadtest.schedule import ArrivalProfile, ScheduleError, intended_times


def test_constant_arrivals_are_evenly_spaced() -> None:
    times = intended_times(ArrivalProfile("constant", 50, 4), seed=0)
    assert len(times) == 200
    assert times[0] == 0
    assert np.diff(times) == pytest.approx(1 / 50)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    times = intended_times(ArrivalProfile("poisson", 200, 100), seed=1)
    gaps = np.diff(times)
    assert len(times) == pytest.approx(20_000, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05), "exponential gaps: as spread as they are long"


@pytest.mark.parametrize(
    ("arrivals", "shares"),
    [
        ("ramp", [0.14, 0.18, 0.22, 0.26, 0.30][::1]),
        ("steps", [1 / 15, 2 / 15, 3 / 15, 4 / 15, 5 / 15]),
        ("spike", [1 / 9, 1 / 9, 5 / 9, 1 / 9, 1 / 9]),
    ],
)
def test_the_rate_runs_along_the_profile(arrivals: Arrivals, shares: list[float]) -> None:
    rates = {"ramp": (300, 800), "steps": (200, 1000), "spike": (200, 1000)}[arrivals]
    if arrivals == "ramp":
        middles = [350, 450, 550, 650, 750]
        shares = [rate / sum(middles) for rate in middles]
    times = intended_times(ArrivalProfile(arrivals, rates[0], 50, rates[1]), seed=2)
    counts, _ = np.histogram(times, 5, (0, 50))
    assert counts / len(times) == pytest.approx(shares, abs=0.01)


@given(
    st.sampled_from(["constant", "poisson", "ramp", "steps", "spike"]),
    st.floats(0.5, 500),
    st.floats(0.5, 20),
    st.floats(0.5, 500),
    st.integers(0, 5),
)
def test_any_schedule_rises_inside_the_duration_and_comes_again(
    arrivals: Arrivals, rate: float, duration: float, peak: float, seed: int
) -> None:
    profile = ArrivalProfile(arrivals, rate, duration, peak if arrivals in ("ramp", "steps", "spike") else None)
    times = intended_times(profile, seed)
    assert (np.diff(times) >= 0).all()
    assert ((times >= 0) & (times < duration * (1 + 1e-9))).all()
    assert np.array_equal(times, intended_times(profile, seed))
    assert len(times) == pytest.approx(profile.mean_count(), abs=6 * profile.mean_count() ** 0.5 + 2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("poisson", 0, 10), "the rate is 0, but a number above 0"),
        (("poisson", -5, 10), "the rate is -5"),
        (("poisson", float("nan"), 10), "the rate is nan"),
        (("poisson", 10, float("inf")), "the duration is inf"),
        (("poisson", 1e9, 60), "60,000,000,000 requests are asked for"),
        (("ramp", 10, 10), "ramp needs a peak"),
        (("poisson", 10, 10, 20), "poisson has one rate"),
        (("steps", 10, 10, 20, 1), "1 step came"),
        (("sawtooth", 10, 10), "one of constant, poisson, ramp, steps, spike"),
    ],
)
def test_an_impossible_profile_is_refused(arguments: tuple, message: str) -> None:
    with pytest.raises(ScheduleError, match=message):
        ArrivalProfile(*arguments)
