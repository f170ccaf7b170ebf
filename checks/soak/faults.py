"""Faults that are done to the server in the first half of the time; none in the second, so that growth shows."""

import itertools
import random
from collections.abc import Callable

import psutil

from serving.server_process import Served


def kill_a_step(server: Served, draw: random.Random) -> str | None:
    """Kill one of the server's steps."""
    return _to_a_step(server, draw, psutil.Process.kill, "killed")


def stop_a_step(server: Served, draw: random.Random) -> str | None:
    """Stop one of the server's steps by a signal."""
    return _to_a_step(server, draw, psutil.Process.suspend, "stopped")


def kill_triton(server: Served, draw: random.Random) -> str | None:
    """Kill the server's Triton."""
    triton = server.triton()
    if triton is None:
        return None
    triton.kill()
    return "killed Triton"


Fault = Callable[[Served, random.Random], str | None]
"""Function that does something to a server, and says what; None: nothing, in the middle of a restart."""
FAULTS: tuple[Fault, ...] = (kill_a_step, kill_triton, stop_a_step)


def schedule(duration_s: float, most: int) -> list[tuple[float, Fault]]:
    """Plan at which second which fault is done: spread over the first half, within the supervisor's limit."""
    half_s = duration_s / 2
    count = max(1, min(most, int(half_s // 20)))
    times = [half_s * (number + 0.5) / (count + 0.5) for number in range(count)]
    return list(zip(times, itertools.cycle(FAULTS)))


def _to_a_step(server: Served, draw: random.Random, act: Callable[[psutil.Process], None], verb: str) -> str | None:
    steps = server.steps()
    if not steps:
        return None
    name = draw.choice(sorted(steps))
    act(steps[name])
    return f"{verb} {name}"
