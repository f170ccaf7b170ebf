"""What is done to the server in the first half of the time; in the second half nothing is, so that growth shows."""

import itertools
import random
from collections.abc import Callable

import psutil

from soak.server import Served


def kill_a_step(server: Served, draw: random.Random) -> str:
    step = _any_step(server, draw)
    if step is None:
        return "nothing: no step was there"
    step.kill()
    return f"killed the step {step.pid}"


def stop_a_step(server: Served, draw: random.Random) -> str:
    step = _any_step(server, draw)
    if step is None:
        return "nothing: no step was there"
    step.suspend()
    return f"stopped the step {step.pid}"


def kill_triton(server: Served, draw: random.Random) -> str:
    triton = server.triton()
    if triton is None:
        return "nothing: Triton was not there"
    triton.kill()
    return "killed Triton"


FAULTS: tuple[Callable[[Served, random.Random], str], ...] = (kill_a_step, kill_triton, stop_a_step)


def schedule(duration_s: float, most: int) -> list[tuple[float, Callable[[Served, random.Random], str]]]:
    """At which second which fault: spread over the first half, not too many for the supervisor's limit."""
    half_s = duration_s / 2
    count = max(1, min(most, int(half_s // 20)))
    times = [half_s * (number + 0.5) / (count + 0.5) for number in range(count)]
    return list(zip(times, itertools.cycle(FAULTS)))


def _any_step(server: Served, draw: random.Random) -> psutil.Process | None:
    triton = server.triton()
    steps = triton.children() if triton else []
    return draw.choice(steps) if steps else None
