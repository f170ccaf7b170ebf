"""The watch over a canary: both releases' counters are read again and again, and the rule is asked."""

import time
from collections.abc import Sequence
from contextlib import suppress
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
    last_old, old, new = read_counts(canary.old), Counts(), Counts()
    try:
        first_new = last_new = read_counts(canary.new)
        write_share(canary.file, canary.percent)
        _say(f"{canary.percent} % of the questions go to the new release; watched for {canary.seconds / 60:g} minutes")
        start_s = time.monotonic()
        while (passed_s := time.monotonic() - start_s) < canary.seconds:
            time.sleep(min(canary.every_s, canary.seconds - passed_s))
            with suppress(ServingError):  # while an old server is exchanged or restarted, what it said before counts
                now = read_counts(canary.old)
                old, last_old = old + (counts_since(last_old, now) or Counts()), now
            now = read_counts(canary.new)
            since = counts_since(first_new, now)
            if since is None or counts_since(last_new, now) is None:
                return _step_back(canary, "a server of the new release was restarted")
            new, last_new = since, now
            own = _OWN_PER_S * max(len(canary.old), len(canary.new)) * (time.monotonic() - start_s)
            if reason := reason_to_step_back(old, new, own):
                return _step_back(canary, reason)
    except ServingError as error:
        return _step_back(canary, str(error))
    except BaseException:  # whatever ends the watch: an unwatched canary is worse than none
        _step_back(canary, "nobody watches any more")
        raise
    return _end(canary, old, new)


def _step_back(canary: Canary, reason: str) -> int:
    write_share(canary.file, 0)
    _say(f"stepped back, no question goes to the new release any more: {reason}")
    return STEPPED_BACK


def _end(canary: Canary, old: Counts, new: Counts) -> int:
    if min(old.answers, new.answers) < LEAST_ANSWERS:
        _say(
            f"too few answers to judge: {new.answers:,} of the new release, {old.answers:,} of the old one, "
            f"{LEAST_ANSWERS} of each are needed; the share stays at {canary.percent} %: watch on, or with a larger one"
        )
        return TOO_FEW
    _say(
        f"nothing differs beyond chance: {new.answers:,} answers of the new release, {old.answers:,} of the old; "
        f"the share stays at {canary.percent} %. Raise it, or exchange the old servers: docs/how-to/rolling-release.md"
    )
    return STOOD


def _say(text: str) -> None:
    print(text, flush=True)  # at once, where a log is written too
