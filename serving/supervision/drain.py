"""Lets a Triton finish what it has accepted, and accept nothing more.

Triton's own way to stop breaks requests off between the steps of an ensemble,
and then says NOT_FOUND for seconds. So the steps at which requests come in, the
entries, are closed one after the other: first the one for new photos; then,
when the photos that are inside have reached their question, the one for
questions. A request that comes to a closed entry gets UNAVAILABLE, which
clients try elsewhere. Configs say which steps are entries, see
`triton/models.py`.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from serving.supervision.probe import Probe
from serving.triton.models import Configs, entries, is_engine, steps_from

_POLL_S = 0.05
_STATISTICS_TIMEOUT_S = 5.0
_QUIET_S = 0.25
_QUIET_RUNS = 5
"""Pause after which nothing is inside: so many seconds, or so many runs of the slowest engine."""


@dataclass(frozen=True)
class Stretch:
    """The steps that requests go through from one entry on."""

    entry: str
    """Name of the entry, such as "photos"."""
    engines: tuple[str, ...]
    """Engines, whose runs decide how long a pause must be."""
    python_steps: tuple[str, ...]
    """Python steps, which count a batch only once all of it is done, so that at rest means empty."""
    last_steps: tuple[str, ...]
    """Last steps: a request that one of these has answered has come out."""


def stretches(configs: Configs) -> list[Stretch]:
    """Find the stretches of a repository, in the order in which requests go through them."""
    found = []
    for entry, step in entries(configs).items():
        chains = steps_from(configs, step)
        names = list(dict.fromkeys(name for chain in chains for name in chain))
        engines = tuple(name for name in names if is_engine(configs, name))
        python_steps = tuple(name for name in names if name not in engines)
        found.append(Stretch(entry, engines, python_steps, tuple({chain[-1] for chain in chains})))
    return found


def drain(
    probe: Probe, drain_folder: Path, parts: Sequence[Stretch], is_busy: Callable[[str], bool], *, timeout_s: float
) -> bool:
    """Close one entry after the other, each when what had come in before is out.

    Args:
        drain_folder: VITRINE_DRAIN_DIR of the steps.
        parts: of the repository that is served.
        is_busy: whether the Python step of this name is at work.
        timeout_s: for all of it, in seconds.

    Returns:
        Whether all that had been accepted is out; else the time was up, or Triton says nothing.
    """
    end_s = time.monotonic() + timeout_s
    for part in parts:
        (drain_folder / part.entry).touch()
        if not _becomes_quiet(probe, part, is_busy, end_s):
            return False
    return True


def _becomes_quiet(probe: Probe, part: Stretch, is_busy: Callable[[str], bool], end_s: float) -> bool:
    """Wait until nothing is inside a stretch; False: the time is up, or Triton does not say."""
    last_count, since_s = -1, time.monotonic()
    while time.monotonic() < end_s:
        if (counts := probe.counts(_STATISTICS_TIMEOUT_S)) is None:
            return False
        came_out = sum(counts[name].requests for name in part.last_steps)
        if came_out != last_count or any(map(is_busy, part.python_steps)):
            last_count, since_s = came_out, time.monotonic()
        slowest_run_s = max((counts[name].run_s for name in part.engines), default=0.0)
        if time.monotonic() - since_s > max(_QUIET_S, _QUIET_RUNS * slowest_run_s):
            return True
        time.sleep(_POLL_S)
    return False
