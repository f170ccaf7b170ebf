"""Times at which requests are meant to be sent: pure functions of a profile and a seed.

An open loop sends by this schedule, whether or not the server keeps up; so a
slow server cannot slow down those who measure it.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from loadtest.options import Arrivals

ARRIVALS: tuple[Arrivals, ...] = get_args(Arrivals)
MAX_REQUESTS = 10_000_000
_SPIKE = (0.4, 0.6)  # the share of the duration in which a spike stands


class ScheduleError(ValueError):
    """The profile is impossible; says what came, and what is expected."""


@dataclass(frozen=True)
class ArrivalProfile:
    """Rate of arrivals over time."""

    arrivals: Arrivals
    """`constant` sends at even distances; all others at random ones (a Poisson process), as people do.

    `poisson` keeps one rate, `ramp` rises from `rate_per_s` to `peak_per_s`, `steps` does so in `step_count`
    equal steps, `spike` jumps from one to the other for the middle fifth.
    """
    rate_per_s: float
    duration_s: float
    peak_per_s: float | None = None
    step_count: int = 5

    def __post_init__(self) -> None:
        """
        Raises:
            ScheduleError: a number is out of range.
        """
        if self.arrivals not in ARRIVALS:
            raise ScheduleError(f"arrivals are {self.arrivals!r}, but one of {', '.join(ARRIVALS)} is expected")
        for name, value in (("rate", self.rate_per_s), ("duration", self.duration_s), ("peak", self.peak_per_s)):
            if value is not None and not 0 < value < float("inf"):
                raise ScheduleError(f"the {name} is {value:g}, but a number above 0 is expected")
        if self.step_count < 2:
            raise ScheduleError(f"{self.step_count} step came, but at least 2 are expected")
        varies = self.arrivals in ("ramp", "steps", "spike")
        if varies and self.peak_per_s is None:
            raise ScheduleError(f"{self.arrivals} needs a peak: the rate that it goes to")
        if not varies and self.peak_per_s is not None:
            raise ScheduleError(f"{self.arrivals} has one rate: leave the peak out, or choose ramp, steps or spike")
        if self.mean_count() > MAX_REQUESTS:
            raise ScheduleError(
                f"{self.mean_count():,.0f} requests are asked for, but at most {MAX_REQUESTS:,} fit in a run: "
                "lower the rate or the duration"
            )

    def corners(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return times in seconds, [n], and the rate per second at each; straight lines between them."""
        end, low, high = self.duration_s, self.rate_per_s, self.peak_per_s or self.rate_per_s
        if self.arrivals == "steps":
            edges = np.linspace(0, end, self.step_count + 1)
            rates = np.linspace(low, high, self.step_count)
            return np.repeat(edges, 2)[1:-1], np.repeat(rates, 2)
        if self.arrivals == "spike":
            up, down = (share * end for share in _SPIKE)
            return np.array([0, up, up, down, down, end]), np.array([low, low, high, high, low, low])
        return np.array([0, end]), np.array([low, high])

    def mean_count(self) -> float:
        """Return how many requests are expected."""
        times, rates = self.corners()
        return float(np.trapz(rates, times))


def intended_times(profile: ArrivalProfile, seed: int) -> NDArray[np.float64]:
    """Compute when to send, in seconds after the start: [requests], rising, below the duration.

    The same profile and seed give the same times.
    """
    total = profile.mean_count()
    if profile.arrivals == "constant":
        counts = np.arange(int(total), dtype=np.float64)
    else:
        # A Poisson process of rate 1, bent to the profile: its time is the number of requests due by then.
        random = np.random.default_rng(seed)
        gaps = random.exponential(size=int(total + 6 * np.sqrt(total) + 20))
        counts = np.cumsum(gaps)
        counts = counts[counts < total]
    return _times_of(counts, *profile.corners())


def _times_of(
    counts: NDArray[np.float64], times: NDArray[np.float64], rates: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute when so many requests are due, if the rate runs along these corners."""
    spans = np.diff(times)
    due = np.concatenate([[0.0], np.cumsum((rates[:-1] + rates[1:]) / 2 * spans)])
    index = np.clip(np.searchsorted(due, counts, side="right") - 1, 0, len(spans) - 1)
    rest, low = counts - due[index], rates[index]
    slope = np.divide(rates[index + 1] - low, spans[index], out=np.zeros_like(rest), where=spans[index] > 0)
    # rest = low * t + slope / 2 * t², solved in the form that does not cancel.
    return np.asarray(times[index] + 2 * rest / (low + np.sqrt(np.maximum(low**2 + 2 * slope * rest, 0))))
