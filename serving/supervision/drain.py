"""Lets a Triton finish what it has accepted, and accept nothing more.

Triton's own way to stop breaks requests off between the steps of an ensemble,
and then says NOT_FOUND for seconds. So the doors are closed in the steps where
requests come in: first for new photos, then, when those that are inside have
reached their question, for questions. What stands before a closed door gets
UNAVAILABLE, which clients try elsewhere.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from serving.supervision.probe import Canary

_DOORS = {"photos": ("image_encoder", "image_export"), "questions": ("answer_decoder", "answer_scorer")}
"""In the order in which they close, and the steps behind each that take long."""
_HANDS = {"photos": "image_preprocess", "questions": "answer_postprocess"}
"""Python steps in whose hands many requests may be, which are counted when all of them are done."""
_ENDS = {"photos": ("image_export",), "questions": ("answer_postprocess", "choice_postprocess")}
_POLL_S = 0.05
_STATISTICS_TIMEOUT_S = 5.0
_QUIET_S = 0.25
_QUIET_RUNS = 5
"""When nothing has come out for so long, or for so many runs of the slowest step, nothing is inside."""


def drain(canary: Canary, doors: Path, is_busy: Callable[[str], bool], *, timeout_s: float) -> bool:
    """
    Args:
        doors: the folder in VITRINE_DOORS of the steps.
        is_busy: whether a Python step is at work.

    Returns:
        Whether all that had been accepted is out; else the time was up, or Triton says nothing.
    """
    end_s = time.monotonic() + timeout_s
    for door, slow in _DOORS.items():
        (doors / door).touch()
        if not _is_quiet(canary, partial(is_busy, _HANDS[door]), slow, _ENDS[door], end_s):
            return False
    return True


def _is_quiet(
    canary: Canary, is_busy: Callable[[], bool], slow: tuple[str, ...], ends: tuple[str, ...], end_s: float
) -> bool:
    last, since_s = -1, time.monotonic()
    while time.monotonic() < end_s:
        if (counts := canary.counts(_STATISTICS_TIMEOUT_S)) is None:
            return False
        came_out = sum(counts[name].requests for name in ends)
        if came_out != last or is_busy():
            last, since_s = came_out, time.monotonic()
        if time.monotonic() - since_s > max(_QUIET_S, _QUIET_RUNS * max(counts[name].run_s for name in slow)):
            return True
        time.sleep(_POLL_S)
    return False
