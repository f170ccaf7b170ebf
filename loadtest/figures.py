"""Figures from raw samples: percentiles, errors, goodput, and how far the generator itself can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.plan import REQUEST_KINDS
from loadtest.samples import CODES, VERDICTS

PERCENTILES = (50.0, 90.0, 95.0, 99.0, 99.9)
MAX_LAG_MS = 5.0
MAX_GENERATOR_CPU = 0.8
_INVALID = REQUEST_KINDS.index("invalid")
_OK, _REFUSED, _NOT_SENT = (CODES.index(code) for code in ("OK", "INVALID_ARGUMENT", "NOT_SENT"))


@dataclass(frozen=True)
class Window:
    """The part of a run that is measured."""

    warm_up_s: float
    end_s: float

    @property
    def seconds(self) -> float:
        return self.end_s - self.warm_up_s

    def cut(self, samples: NDArray[np.void]) -> NDArray[np.void]:
        """The samples that were meant to be sent in it."""
        intended = samples["intended_s"]
        return np.asarray(samples[(intended >= self.warm_up_s) & (intended < self.end_s)])

    def done_in(self, samples: NDArray[np.void]) -> NDArray[np.void]:
        """The samples that ended in it, whenever they were meant to be sent."""
        end = samples["intended_s"] + samples["latency_s"]
        return np.asarray(samples[(end >= self.warm_up_s) & (end < self.end_s)])


def is_good(samples: NDArray[np.void]) -> NDArray[np.bool_]:
    """Answered, or refused where that was right."""
    return np.asarray(np.where(samples["kind"] == _INVALID, samples["code"] == _REFUSED, samples["code"] == _OK))


def figures_of(
    samples: NDArray[np.void], window: Window, *, slo_ms: float | None, generator_cpu: Sequence[float]
) -> dict[str, Any]:
    """Everything that is reported, JSON-able. Latencies are in milliseconds, rates a second.

    Asked is what was due in the window, achieved what was answered rightly in it: a server that falls behind answers
    less in it than was due, however patient its callers are.

    Args:
        samples: of the whole run.
        slo_ms: a request is goodput if it is right and no slower; None: if it is right.
        generator_cpu: the share of one core that each generator process used, at most.
    """
    measured = window.cut(samples)
    done = window.done_in(samples)
    sent = measured[measured["code"] != _NOT_SENT]
    good = is_good(measured)
    in_time = good & (measured["latency_s"] * 1000 <= (np.inf if slo_ms is None else slo_ms))
    lag_ms = 1000 * sent["lag_s"]
    figures: dict[str, Any] = {
        "requests": len(measured),
        "warm_up_requests_left_out": len(samples) - len(measured),
        "asked_rate_per_s": len(measured) / window.seconds,
        "achieved_rate_per_s": int(is_good(done).sum()) / window.seconds,
        "goodput_per_s": int(in_time.sum()) / window.seconds,
        "slo_ms": slo_ms,
        "not_sent": len(measured) - len(sent),
        "error_ratio": float(1 - good.mean()) if len(measured) else 0.0,
        "codes": _counts(measured["code"], CODES),
        "verdicts": _counts(sent["verdict"], VERDICTS),
        "latency_ms": {"all": latency_ms(sent), **_latency_by_kind(sent)},
        "generator": {
            "lag_p99_ms": float(np.percentile(lag_ms, 99)) if len(sent) else 0.0,
            "cpu_of_a_core": max(generator_cpu, default=0.0),
        },
    }
    figures["generator"]["doubts"] = doubts_about_the_generator(figures)
    return figures


def _latency_by_kind(sent: NDArray[np.void]) -> dict[str, dict[str, float]]:
    parts = {name: sent[sent["kind"] == number] for number, name in enumerate(REQUEST_KINDS)}
    return {name: latency_ms(part) for name, part in parts.items() if len(part)}


def latency_ms(samples: NDArray[np.void]) -> dict[str, float]:
    """Percentiles and maximum from raw samples; errors and time-outs are counted in, with the time they took."""
    if not len(samples):
        return {}
    values = 1000 * samples["latency_s"].astype(np.float64)
    found = {f"p{percent:g}": float(np.percentile(values, percent)) for percent in PERCENTILES}
    return {**found, "max": float(values.max()), "count": len(values)}


def doubts_about_the_generator(figures: dict[str, Any]) -> list[str]:
    """List why a result is not to be trusted; empty if it is."""
    doubts = []
    generator = figures["generator"]
    if generator["lag_p99_ms"] > MAX_LAG_MS:
        doubts.append(
            f"requests left up to {generator['lag_p99_ms']:.1f} ms late (p99; {MAX_LAG_MS:g} ms are allowed): "
            "more --workers, or a lower rate"
        )
    if generator["cpu_of_a_core"] > MAX_GENERATOR_CPU:
        doubts.append(f"a generator process used {generator['cpu_of_a_core']:.0%} of its core: more --workers")
    if figures["not_sent"]:
        doubts.append(
            f"{figures['not_sent']} requests were never sent: as many as allowed were under way, or time was over"
        )
    return doubts


def _counts(values: NDArray[np.uint8], names: Sequence[str]) -> dict[str, int]:
    numbers, counts = np.unique(values, return_counts=True)
    return {names[number]: int(count) for number, count in zip(numbers, counts, strict=True) if names[number]}
