"""Looks after one server: restarts what has died or hangs, at once at first, and slowly in a crash loop."""

import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from serving.errors import ServingError
from serving.supervision.condition import Problem
from serving.supervision.restart_policy import RestartPolicy, Restarts
from serving.supervision.server import EmbeddedServer
from serving.triton.log import say

_GLANCE_S = 0.25
_PROBE_EVERY_S = 15.0  # each writes one photo into the cache of features
_HANG = Problem("hang", "nothing is answered any more")


def serve_until_signal(server: EmbeddedServer, say_ready: Callable[[], None]) -> int:
    """Start a server and look after it; at the first signal answer what it has accepted, at a second one end at once.

    Returns:
        An exit status: 0 all that had been accepted was answered, 1 it was not, or the server could not be started, 2
        what was asked for cannot be.
    """
    status = None
    try:
        with server:
            say_ready()
            status = _look_after(server)
    except ServingError as error:
        say(f"error: {error}", is_trouble=True)
        return error.exit_status
    except KeyboardInterrupt:  # while it started or, where there is a status, while it was being stopped
        if status is None:
            say("stopped")
    return status or 0


def _look_after(server: EmbeddedServer) -> int:
    try:
        with suppress(KeyboardInterrupt):
            supervise(server, partial(say, is_trouble=True))
        is_drained = server.drain()
    except KeyboardInterrupt:
        is_drained = False
    say("stopped" if is_drained else "stopped before everything was answered")
    return 0 if is_drained else 1


def supervise(server: EmbeddedServer, say: Callable[[str], None], policy: RestartPolicy | None = None) -> None:
    """Watch a running server until a signal's exception ends this; restart it as often as it takes.

    Args:
        say: gets a line for people when something happens.
    """
    restarts = Restarts(policy or RestartPolicy())
    probed_s = time.monotonic()
    while True:
        time.sleep(_GLANCE_S)
        problem = server.problem()
        if problem is None and time.monotonic() - probed_s > _PROBE_EVERY_S:
            problem = (server.problem() or _HANG) if server.is_hung() else None  # what has ended answers nothing either
            probed_s = time.monotonic()
        if problem:
            _restart(server, problem, restarts, say)
            probed_s = time.monotonic()
        if restarts.calms(time.monotonic()):
            server.condition.is_crash_loop = False
            say(f"it has run for {_minutes(restarts.policy)}: a restart would be at once again")


def _restart(server: EmbeddedServer, problem: Problem, restarts: Restarts, say: Callable[[str], None]) -> None:
    broken_s = time.monotonic()
    while True:
        was_crash_loop = restarts.is_crash_loop
        delay_s = restarts.next_delay_s(time.monotonic())
        server.condition.count_restart(problem.cause, delay_s=delay_s, is_crash_loop=restarts.is_crash_loop)
        if restarts.is_crash_loop and not was_crash_loop:
            say(_crash_loop_words(restarts.policy))
        say(f"restarting{f' in {delay_s:g} s' if delay_s else ''}: {problem}")
        if delay_s:
            server.stop_triton()  # nothing half dead answers meanwhile
            time.sleep(delay_s)
            server.condition.delay_s = 0.0
        try:
            server.restart()
        except ServingError as error:
            problem = Problem("start_failed", str(error))
            continue
        finally:
            restarts.note(time.monotonic())
        say(f"whole again after {time.monotonic() - broken_s:.1f} s")
        return


def _crash_loop_words(policy: RestartPolicy) -> str:
    return (
        f"crash loop: {policy.most} restarts in {_minutes(policy)} did not help. From now on one is tried every "
        f"{policy.slow_delay_s:g} s, until it has run for {_minutes(policy)}: see the log, and mend the cause"
    )


def _minutes(policy: RestartPolicy) -> str:
    return f"{policy.within_s / 60:g} minutes"
