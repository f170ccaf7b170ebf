"""Whether a server that looks alive gets nothing done any more; one that is merely busy does not count."""

import time
from collections.abc import Callable, Mapping
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
_SILENT = "Triton says nothing"
Counts = Mapping[str, Count]
_FED_BY = (
    (("image_encoder",), ("image_preprocess",)),
    (("question_preprocess",), ("image_export",)),
    (("answer_decoder", "answer_scorer"), ("image_export", "question_preprocess")),
    (("answer_postprocess",), ("answer_decoder",)),
    (("choice_postprocess",), ("answer_scorer",)),
)
"""Steps of which one has something to do, once all of those behind them have done something."""


def step_at_one_piece(heartbeats: Path, steps: Mapping[str, psutil.Process]) -> str | None:
    """The Python step, if any, that has been at one piece of work for longer than any may take."""
    busy_s = busy_s_of(heartbeats, [step.pid for step in steps.values()])
    return next((name for name, step in steps.items() if busy_s.get(step.pid, 0) > _MOST_AT_ONE_PIECE_S), None)


def hang_of(canary: Canary, is_at_work: Callable[[], bool]) -> str | None:
    """Ask a question about a new photo, again and again if it must be, and look at what the steps get done meanwhile.

    Args:
        is_at_work: whether a Python step is; what it does is counted when a whole batch is done, which may take long.

    Returns:
        What hangs, for people; None: the question was answered, or the server is merely busy. That takes seconds then.
    """
    if canary.code_of_answer(_CANARY_TIMEOUT_S) == "OK":
        return None
    readings, was_at_work = [canary.counts(_STATISTICS_TIMEOUT_S)], False
    for _ in range(2):
        if (last := readings[-1]) is None:
            return _SILENT
        end_s = time.monotonic() + max(_CANARY_TIMEOUT_S, _RUNS * max(count.run_s for count in last.values()))
        while (left_s := end_s - time.monotonic()) > 0:  # a server whose queues are full refuses at once
            if canary.code_of_answer(left_s) == "OK":
                return None
            was_at_work |= is_at_work()
            time.sleep(_POLL_S)
        readings.append(canary.counts(_STATISTICS_TIMEOUT_S))
    before, between, after = readings
    if before is None or between is None or after is None:
        return _SILENT
    if after == before and not was_at_work:
        return "no step gets anything done any more"
    stuck = stuck_step(before, between, after)
    return stuck and f"the step {stuck} gets nothing done any more"


def stuck_step(before: Counts, between: Counts, after: Counts) -> str | None:
    """
    Args:
        before: what the steps had done; `between` and `after`, each time a while later.

    Returns:
        The first step that got something to do before `between`, and has done nothing until `after`.
    """
    for steps, feeders in _FED_BY:
        is_fed = all(between[feeder].answered > before[feeder].answered for feeder in feeders)
        if is_fed and all(after[step].requests == before[step].requests for step in steps):
            return " or ".join(steps)
    return None
