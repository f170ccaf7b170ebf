"""The watch over a canary: both releases' counters are read again and again, and the rule is asked."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.canary.counters import read_counts
from serving.canary.rule import LEAST_ANSWERS, Counts, counts_since, reason_to_step_back
from serving.canary.share import write_share
from serving.errors import ServingError

STOOD, STEPPED_BACK, TOO_FEW = 0, 1, 3
_OWN_PER_S = 1 / 15 + 1 / 10
"""Own questions of one server: the supervisor's, and the container's health check."""


@dataclass(frozen=True)
class Canary:
    """One canary, and how long it is watched."""

    old: Sequence[str]
    new: Sequence[str]
    """Addresses of the metrics of each release's servers."""
    file: Path
    percent: int
    seconds: float
    every_s: float = 2.0


def watch(canary: Canary) -> int:
    """Give the canary its share, and watch it until the time is up or it does worse.

    Returns:
        The exit status: STOOD and TOO_FEW leave the share as it is, STEPPED_BACK took it away.

    Raises:
        ServingError: the old release's counters cannot be read at the start.
        UsageError: the file cannot be written.
    """
    start_old = old = read_counts(canary.old)
    new = Counts()
    try:
        start_new = read_counts(canary.new)
        write_share(canary.file, canary.percent)
        print(f"{canary.percent} % of the questions go to the new release; watched for {canary.seconds / 60:g} minutes")
        start_s = time.monotonic()
        while (passed_s := time.monotonic() - start_s) < canary.seconds:
            time.sleep(min(canary.every_s, canary.seconds - passed_s))
            start_old, old = _old_counts(canary, start_old, old)
            since = counts_since(start_new, read_counts(canary.new))
            if since is None:
                return _step_back(canary, "the new release's server was restarted")
            new = since
            own = _OWN_PER_S * len(canary.new) * (time.monotonic() - start_s)
            if reason := reason_to_step_back(counts_since(start_old, old) or old, new, own):
                return _step_back(canary, reason)
    except ServingError as error:
        return _step_back(canary, str(error))
    except KeyboardInterrupt:
        _step_back(canary, "nobody watches any more")
        raise
    return _end(canary, counts_since(start_old, old) or old, new)


def _old_counts(canary: Canary, start: Counts, last: Counts) -> tuple[Counts, Counts]:
    """Read the old release again: where it counts anew, from 0; where it cannot be read, as it was last."""
    try:
        now = read_counts(canary.old)
    except ServingError:
        return start, last
    return (start, now) if counts_since(last, now) else (now, now)


def _step_back(canary: Canary, reason: str) -> int:
    write_share(canary.file, 0)
    print(f"stepped back, no question goes to the new release any more: {reason}")
    return STEPPED_BACK


def _end(canary: Canary, old: Counts, new: Counts) -> int:
    if min(old.answers, new.answers) < LEAST_ANSWERS:
        print(
            f"too few answers to judge: {new.answers:,} of the new release, {old.answers:,} of the old one, "
            f"{LEAST_ANSWERS} of each are needed; the share stays at {canary.percent} %: watch on, or with a larger one"
        )
        return TOO_FEW
    print(
        f"no difference beyond chance in {new.answers:,} answers of the new release and {old.answers:,} of the old one; "
        f"the share stays at {canary.percent} %: raise it, or exchange the old servers (docs/how-to/rolling-release.md)"
    )
    return STOOD
