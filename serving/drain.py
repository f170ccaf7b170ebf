"""Lets a Triton finish what it has accepted, and accept nothing more.

Triton's own way to stop breaks requests off between the steps of an ensemble,
and then says NOT_FOUND for seconds. So the doors are closed in the steps where
requests come in: first for new photos, then, when those that are inside have
reached their question, for questions. What stands before a closed door gets
UNAVAILABLE, which clients try elsewhere.
"""

import time
from pathlib import Path

from serving.canary import Canary

_DOORS = {"photos": ("image_encoder", "image_export"), "questions": ("answer_decoder", "answer_scorer")}
"""In the order in which they close, and the steps behind each that take long."""
_ENDS = {"photos": ("image_export",), "questions": ("answer_postprocess", "choice_postprocess")}
_POLL_S = 0.05
_QUIET_S = 0.25
_QUIET_RUNS = 5
"""When nothing has come out for so long, or for so many runs of the slowest step, nothing is inside."""


def drain(canary: Canary, doors: Path, *, timeout_s: float) -> bool:
    """
    Args:
        doors: the folder in VITRINE_DOORS of the steps.

    Returns:
        Whether all that had been accepted is out; else the time was up.
    """
    end_s = time.monotonic() + timeout_s
    for door, slow in _DOORS.items():
        (doors / door).touch()
        if not _is_quiet(canary, slow, _ENDS[door], end_s):
            return False
    return True


def _is_quiet(canary: Canary, slow: tuple[str, ...], ends: tuple[str, ...], end_s: float) -> bool:
    last, since_s = -1, time.monotonic()
    while time.monotonic() < end_s:
        if (counts := canary.counts()) is None:
            return False
        came_out = sum(counts[name].requests for name in ends)
        if came_out != last:
            last, since_s = came_out, time.monotonic()
        if time.monotonic() - since_s > max(_QUIET_S, _QUIET_RUNS * max(counts[name].run_s for name in slow)):
            return True
        time.sleep(_POLL_S)
    return False
