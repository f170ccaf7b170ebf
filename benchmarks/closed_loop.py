"""So many callers, each asking again as soon as it is answered: the throughput of a system."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from benchmarks.mixes import Visit

Ask = Callable[[Visit], Awaitable[None]]


@dataclass(frozen=True)
class Slot:
    """What one system did in one stretch of time."""

    questions_per_s: float
    latencies_s: tuple[float, ...]
    """Of the visits, those of the first callers left out."""


async def closed_loop(
    ask: Ask, visits: Iterator[Visit], *, concurrency: int, seconds: float, least_visits: int
) -> Slot:
    """Keep `concurrency` visits under way for some time, and wait for the last ones.

    The rate is that of completions after the first `concurrency` ones, when all callers are under way, until the
    time is over: neither the start nor the end, when callers are missing, is counted.

    Args:
        seconds: at least so long.
        least_visits: and at least so many visits are counted.
    """
    done: list[tuple[float, float, int]] = []
    end = time.perf_counter() + seconds

    def is_over() -> bool:
        return time.perf_counter() >= end and len(done) >= concurrency + least_visits

    async def caller() -> None:
        while not is_over():
            visit = next(visits)
            start = time.perf_counter()
            await ask(visit)
            now = time.perf_counter()
            if not is_over():
                done.append((now, now - start, len(visit.questions)))

    await asyncio.gather(*(caller() for _ in range(concurrency)))
    first, counted = done[concurrency - 1], done[concurrency:]
    questions = sum(count for _, _, count in counted)
    return Slot(questions / (counted[-1][0] - first[0]), tuple(latency for _, latency, _ in counted))
