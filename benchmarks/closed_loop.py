"""Closed loop: callers that ask again as soon as they are answered show the throughput of a system."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from benchmarks.mixes import Visit

Ask = Callable[[Visit], Awaitable[list[str]]]
"""Function from a visit to the answers to its questions."""


@dataclass(frozen=True)
class Slot:
    """Work of one system in one stretch of time."""

    questions_per_s: float
    latencies_s: tuple[float, ...]
    """Seconds that each visit took."""


async def run_callers(call: Callable[[int], Awaitable[None]], *, callers: int, is_over: Callable[[], bool]) -> None:
    """Keep `callers` calls under way until `is_over()`, and wait for the last ones.

    Args:
        call: gets the call's number; no two calls have the same, and each caller's rise by `callers`.
    """

    async def caller(first: int) -> None:
        number = first
        while not is_over():
            await call(number)
            number += callers

    await asyncio.gather(*(caller(first) for first in range(callers)))


async def closed_loop(
    ask: Ask, visits: Iterator[Visit], *, concurrency: int, seconds: float, least_visits: int
) -> Slot:
    """Keep `concurrency` visits under way for some time, and wait for the last ones.

    The rate is that of all questions over the time from the start to the last answer. Both ends, when callers are
    missing, are counted against a system: where answers come in bursts, as of threads that share the cores, any rate
    between two answers says what one likes.

    Args:
        seconds: at least so long.
        least_visits: and at least so many visits more than there are callers.
    """
    done: list[tuple[float, float, int]] = []
    start = time.perf_counter()
    end = start + seconds

    def is_over() -> bool:
        return time.perf_counter() >= end and len(done) >= concurrency + least_visits

    async def call(_: int) -> None:
        visit = next(visits)
        asked = time.perf_counter()
        await ask(visit)
        now = time.perf_counter()
        done.append((now, now - asked, len(visit.questions)))

    await run_callers(call, callers=concurrency, is_over=is_over)
    questions = sum(count for _, _, count in done)
    return Slot(questions / (done[-1][0] - start), tuple(latency for _, latency, _ in done))
