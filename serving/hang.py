"""Whether a server that looks alive gets nothing done any more; one that is merely busy does not count."""

import time
from collections.abc import Mapping
from pathlib import Path

import psutil

from serving.canary import Canary, Count
from serving.heartbeats import busy_s_of

_MOST_AT_ONE_PIECE_S = 20.0
"""A photo may take 1.5 s of a processor, which other programs may want too; everything else is faster."""
_CANARY_TIMEOUT_S = 3.0
_STATISTICS_TIMEOUT_S = 5.0
_RUNS = 10
_POLL_S = 0.1
_FED_BY = {
    "image_encoder": ("image_preprocess",),
    "answer_decoder": ("image_export", "question_preprocess"),
    "answer_postprocess": ("answer_decoder",),
}
"""Steps that have something to do once all of these have. Left out are those that photos pass by which are only to be
embedded, and those that are fed from outside."""
_FIRST = "question_preprocess"
"""A question that was taken goes there at once."""


def step_at_one_piece(heartbeats: Path, steps: Mapping[str, psutil.Process]) -> str | None:
    """The Python step, if any, that has been at one piece of work for longer than any may take."""
    busy_s = busy_s_of(heartbeats, [step.pid for step in steps.values()])
    return next((name for name, step in steps.items() if busy_s.get(step.pid, 0) > _MOST_AT_ONE_PIECE_S), None)


def hang_of(canary: Canary) -> str | None:
    """Ask a question about a new photo, again and again if it must be, and look at what the steps get done meanwhile.

    Returns:
        What hangs, for people; None: the question was answered, or the server is merely busy. That takes seconds then.
    """
    if canary.code_of_answer(_CANARY_TIMEOUT_S) == "OK":
        return None
    before = canary.counts(_STATISTICS_TIMEOUT_S)
    if before is None:
        return "Triton says nothing"
    runs_s = max(before[step].run_s for step in _FED_BY)
    end_s = time.monotonic() + max(_CANARY_TIMEOUT_S, _RUNS * runs_s)
    codes = set()
    while (left_s := end_s - time.monotonic()) > 0:  # a server whose queues are full refuses at once
        code = canary.code_of_answer(left_s)
        if code == "OK":
            return None
        codes.add(code)
        time.sleep(_POLL_S)
    after = canary.counts(_STATISTICS_TIMEOUT_S)
    if after is None:
        return "Triton says nothing"
    stuck = stuck_step(before, after, was_taken="DEADLINE_EXCEEDED" in codes)
    return stuck and f"the step {stuck} gets nothing done any more"


def stuck_step(before: Mapping[str, Count], after: Mapping[str, Count], *, was_taken: bool) -> str | None:
    """
    Args:
        before: what the steps had done; `after`, a while later.
        was_taken: whether a question of ours went in between, and was not refused.

    Returns:
        The first step that had something to do, and did nothing.
    """

    def moved(step: str) -> bool:
        return after[step].requests > before[step].requests

    if was_taken and not moved(_FIRST):
        return _FIRST
    for step, feeders in _FED_BY.items():
        if not moved(step) and all(after[feeder].answered > before[feeder].answered for feeder in feeders):
            return step
    return None
