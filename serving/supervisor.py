"""Looks after one server: restarts what has died or hangs, with back-off and a limit."""

import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from serving.errors import ServingError
from serving.log import say
from serving.server import EmbeddedServer

_GLANCE_S = 0.25
_CANARY_EVERY_S = 15.0  # each writes one photo into the cache of features


@dataclass(frozen=True)
class RestartPolicy:
    most: int = 5
    """So many restarts within `within_s`; at one more, something is wrong that no restart mends."""
    within_s: float = 600.0
    first_delay_s: float = 1.0
    """Before the second restart; each further one waits twice as long. The first one waits for nothing."""

    def delay_s(self, recent: int) -> float:
        """
        Args:
            recent: restarts within `within_s`, before this one.

        Raises:
            ServingError: too many.
        """
        if recent >= self.most:
            raise ServingError(
                f"{recent} restarts in {self.within_s / 60:g} minutes did not help: see the log, mend the cause, and "
                "start again"
            )
        return 0.0 if recent == 0 else self.first_delay_s * 2.0 ** (recent - 1)


def serve_until_signal(server: EmbeddedServer, say_ready: Callable[[], None]) -> int:
    """Start a server and look after it; at the first signal answer what it has accepted, at a second one end at once.

    Returns:
        An exit status: 0 all that had been accepted was answered, 1 it was not, or the server cannot run.
    """
    status = None
    try:
        with server:
            say_ready()
            status = _looked_after(server)
    except ServingError as error:
        say(f"error: {error}", is_trouble=True)
        return 1
    except KeyboardInterrupt:  # while it started or, where there is a status, while it was being stopped
        if status is None:
            say("stopped")
    return status or 0


def _looked_after(server: EmbeddedServer) -> int:
    try:
        with suppress(KeyboardInterrupt):
            supervise(server, partial(say, is_trouble=True))
        is_drained = server.drain()
    except ServingError as error:
        say(f"error: {error}", is_trouble=True)
        return 1
    except KeyboardInterrupt:
        is_drained = False
    say("stopped" if is_drained else "stopped before everything was answered")
    return 0 if is_drained else 1


def supervise(server: EmbeddedServer, say: Callable[[str], None], policy: RestartPolicy | None = None) -> None:
    """Watch a running server until a signal's exception ends this.

    Args:
        say: gets a line for people when something happens.

    Raises:
        ServingError: restarts do not help.
    """
    policy = policy or RestartPolicy()
    restarts: deque[float] = deque()
    asked_s = time.monotonic()
    while True:
        time.sleep(_GLANCE_S)
        problem = server.problem()
        if problem is None and time.monotonic() - asked_s > _CANARY_EVERY_S:
            problem = "nothing is answered any more" if server.is_hung() else None
            asked_s = time.monotonic()
        if problem:
            _restart(server, problem, restarts, policy, say)
            asked_s = time.monotonic()


def _restart(
    server: EmbeddedServer, problem: str, restarts: deque[float], policy: RestartPolicy, say: Callable[[str], None]
) -> None:
    broken_s = time.monotonic()
    while True:
        while restarts and time.monotonic() - restarts[0] > policy.within_s:
            restarts.popleft()
        delay_s = policy.delay_s(len(restarts))
        say(f"restarting{f' in {delay_s:g} s' if delay_s else ''}: {problem}")
        if delay_s:
            server.stop_triton()  # nothing half dead answers meanwhile, and clients go elsewhere
            time.sleep(delay_s)
        restarts.append(time.monotonic())
        try:
            server.restart()
        except ServingError as error:
            problem = str(error)
            continue
        say(f"whole again after {time.monotonic() - broken_s:.1f} s")
        return
