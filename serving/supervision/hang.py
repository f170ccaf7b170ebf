"""Tells whether a server that looks alive answers nothing any more; one that is merely busy does not count."""

import time
from collections.abc import Callable, Mapping, Sequence

from serving.supervision.probe import Count, Probe

_PROBE_TIMEOUT_S = 3.0
_STATISTICS_TIMEOUT_S = 5.0
_WATCH_S = 15.0
_POLL_S = 0.1


def is_hung(
    probe: Probe, ensembles: Sequence[str], is_at_work: Callable[[], bool], is_broken: Callable[[], bool]
) -> bool:
    """Ask a question about a new photo, and where it is not answered, watch whether anything else is.

    Args:
        ensembles: what callers ask. A step counts a request that it refused as a success, an ensemble does not.
        is_at_work: whether a step is; a batch of costly photos, all of them refused, is work too.
        is_broken: whether something else is wrong that is seen at a glance, and so need not be found out here.

    Returns:
        Whether nobody was answered, and no step was at work, for 15 seconds.
    """
    if probe.ask(_PROBE_TIMEOUT_S) == "OK":
        return False
    before = probe.counts(_STATISTICS_TIMEOUT_S)
    end_s = time.monotonic() + _WATCH_S
    while time.monotonic() < end_s:
        if is_broken() or is_at_work() or probe.ask(_PROBE_TIMEOUT_S) == "OK":
            return False
        after = probe.counts(_STATISTICS_TIMEOUT_S)
        before = before or after  # what is too busy to say may say it later
        if before and after and _count_answers(after, ensembles) > _count_answers(before, ensembles):
            return False
        time.sleep(_POLL_S)  # a server whose queues are full refuses at once
    return not is_broken()


def _count_answers(counts: Mapping[str, Count], ensembles: Sequence[str]) -> int:
    return sum(counts[ensemble].answered for ensemble in ensembles)
