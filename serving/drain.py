"""Lets a Triton finish what it has accepted, and accept nothing more.

Triton's own way to stop breaks requests off between the steps of an ensemble,
and then says NOT_FOUND for seconds. So the doors are closed in the steps where
requests come in: first for new photos, then, when those that are inside have
reached their question, for questions. What stands before a closed door gets
UNAVAILABLE, which clients try elsewhere.
"""

import time
from pathlib import Path

from serving.canary import Canary, Counts

_PHOTOS_IN, _PHOTOS_OUT = "image_preprocess", ("image_export",)
_QUESTIONS_IN, _QUESTIONS_OUT = "question_preprocess", ("answer_postprocess", "choice_postprocess")
_PHOTOS_FAIL = ("image_encoder",)
_QUESTIONS_FAIL = ("answer_decoder", "candidates_preprocess", "answer_scorer")
_POLL_S = 0.05
_QUIET_S = 2.0
"""Requests that are cancelled inside come out nowhere: when nothing comes out for so long, nothing is inside."""


def drain(canary: Canary, doors: Path, *, timeout_s: float) -> bool:
    """
    Args:
        doors: the folder in VITRINE_DOORS of the steps.

    Returns:
        Whether all that had been accepted is out; else the time was up.
    """
    end_s = time.monotonic() + timeout_s
    for door, entry, exits, failures in (
        ("photos", _PHOTOS_IN, _PHOTOS_OUT, _PHOTOS_FAIL),
        ("questions", _QUESTIONS_IN, _QUESTIONS_OUT, _QUESTIONS_FAIL),
    ):
        (doors / door).touch()
        if not _is_empty(canary, entry, exits, failures, end_s):
            return False
    return True


def _is_empty(canary: Canary, entry: str, exits: tuple[str, ...], failures: tuple[str, ...], end_s: float) -> bool:
    last, since_s = -1, time.monotonic()
    time.sleep(_POLL_S)  # a step that looked at its door just before it closed
    while time.monotonic() < end_s:
        if (counts := canary.counts()) is None:
            return False
        out = came_out(counts, exits, failures)
        if out != last:
            last, since_s = out, time.monotonic()
        if out >= counts[entry][0] or time.monotonic() - since_s > _QUIET_S:
            return True
        time.sleep(_POLL_S)
    return False


def came_out(counts: Counts, exits: tuple[str, ...], failures: tuple[str, ...]) -> int:
    """Requests that have left: answered or refused by a last step, or failed on their way to it."""
    return sum(sum(counts[name]) for name in exits) + sum(counts[name][1] for name in failures)
