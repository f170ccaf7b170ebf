"""Waits until a server that has been started answers questions: first Triton itself, then through its door."""

import time

from serving.door.process import Door
from serving.errors import ServingError
from serving.supervision.hide_argument import hide_argument
from serving.supervision.probe import Probe
from serving.supervision.triton_run import TritonRun
from serving.triton.log import say

_POLL_S = 0.1
_PROBE_TIMEOUT_S = 5.0
_KEY_STAYS = (
    "warning: the key of administration stays on Triton's command line, where every user of this machine can read it, "
    "for the kernel does not let this process write its children's memory: set kernel.yama.ptrace_scope to 0 or 1 "
    "(sysctl), or let nobody else use this machine"
)


def wait_until_triton_answers(
    run: TritonRun, probe: Probe, door: Door | None, *, timeout_s: float, secret: str | None
) -> None:
    """Wait until Triton has answered a question; afterwards its steps are known.

    Args:
        door: the server's, whose end is noticed meanwhile; it may not have been started yet.
        timeout_s: for all of it, in seconds.
        secret: the key of administration, where it stands on Triton's command line, which every user of the machine
            can read: it is taken off it as soon as Triton has read it. Where the kernel forbids that, a warning is
            said.

    Raises:
        ServingError: it ended, does not answer in time, or does not take the key.
    """
    deadline_s = time.monotonic() + timeout_s
    attempt_s = _PROBE_TIMEOUT_S
    while (left_s := deadline_s - time.monotonic()) > 0:
        _require_door(door)
        if ended := run.end():
            raise ServingError(f"{ended} while starting; {run.log_reason()}")
        if secret and run.has_logged():
            hide_argument(run.pid, secret)
        asked_s = time.monotonic()
        if probe.ask(min(attempt_s, left_s)) == "OK":
            if secret:
                _hide(run, probe, secret, deadline_s)
            run.find_steps()
            return
        if time.monotonic() - asked_s >= attempt_s:
            attempt_s *= 2  # a large model's first answer takes long
        time.sleep(_POLL_S)
    if door:
        door.end()  # it may be the one that hangs: the next start begins with a new one
    raise ServingError(
        f"Triton did not answer a question within {timeout_s:g} s ({probe.last_error}): let it take longer by "
        f"--ready-timeout, where it is only slow; {run.log_reason()}"
    )


def wait_until_door_lets_through(probe: Probe, door: Door, *, timeout_s: float) -> None:
    """Wait until a question gets through a door that has just been started.

    Args:
        probe: asks in front of the door.

    Raises:
        ServingError: it ended, or lets none through in time.
    """
    deadline_s = time.monotonic() + timeout_s
    while probe.ask(_PROBE_TIMEOUT_S) == "UNAVAILABLE":
        _require_door(door)
        if time.monotonic() > deadline_s:
            raise ServingError(f"the door does not let questions through ({probe.last_error})")
        time.sleep(_POLL_S)


def _require_door(door: Door | None) -> None:
    if door and (problem := door.problem()):
        raise ServingError(f"{problem} while starting; {door.reason()}")


def _hide(run: TritonRun, probe: Probe, secret: str, deadline_s: float) -> None:
    """Take the key off the command line, and see that Triton still takes it."""
    if not hide_argument(run.pid, secret):
        say(_KEY_STAYS, is_trouble=True)
    while probe.counts(_PROBE_TIMEOUT_S) is None:  # also where callers keep it busy
        if time.monotonic() > deadline_s:
            raise ServingError("Triton does not take the key of administration that it was started with")
        time.sleep(_POLL_S)
