"""The highest rate that keeps the service level objectives: a bracketed search."""

from collections.abc import Callable
from dataclasses import dataclass

PRECISION = 1.1
MOST_TRIES = 16
LEAST_SHARE = 1 / 64  # of the first rate; a server that keeps nothing at this keeps nothing


@dataclass(frozen=True)
class Tried:
    rate_per_s: float
    broken: tuple[str, ...]
    """Objectives that did not hold, in words; empty if all did."""


def knee(start_per_s: float, broken_at: Callable[[float], list[str]], precision: float = PRECISION) -> list[Tried]:
    """Try rates until the highest that keeps the objectives is known, to a tenth where nothing else is asked for.

    Args:
        start_per_s: the first rate that is tried.
        broken_at: runs at a rate, and says what did not hold.
        precision: the search ends when the broken rate is no more than this times the kept one.

    Returns:
        All tries, in order.
    """
    tried: list[Tried] = []
    kept, broken, rate = 0.0, float("inf"), start_per_s
    while len(tried) < MOST_TRIES:
        tried.append(Tried(rate, tuple(broken_at(rate))))
        if tried[-1].broken:
            broken = min(broken, rate)
        else:
            kept = max(kept, rate)
        if kept and broken <= kept * precision:
            break
        if broken == float("inf"):
            rate = kept * 2
        elif kept:
            rate = (kept * broken) ** 0.5
        elif broken <= start_per_s * LEAST_SHARE:
            break
        else:
            rate = broken / 2
    return tried


def highest_kept(tried: list[Tried]) -> float | None:
    """Return the highest rate that kept the objectives; None if none that was tried did."""
    return max((one.rate_per_s for one in tried if not one.broken), default=None)
