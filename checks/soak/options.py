"""What `python -m checks.soak` takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.values import Argument, Count, Folder, Positional, positive
from serving.repository_option import BuiltRepository

_LEAST_S = 60.0


def _duration(text: str) -> float:
    seconds = positive(text)
    if seconds < _LEAST_S:
        raise ValueError(
            f"{text} came, but at least {_LEAST_S:g} is expected: in less, no fault is over before growth is measured"
        )
    return seconds


@dataclass(frozen=True)
class SoakOptions:
    """Load a server for an hour with everything at once: questions in English and Chinese about new and known photos,
    lists, embeddings, broken photos, odd questions, bursts, cancelled calls, cut connections. In the first half steps
    and Triton are killed; in the second memory, handles, threads and shared memory, of all processes together, may not
    grow, and nothing may be answered by INTERNAL.

    Example: python -m checks.soak build/vitrine-small --duration 900 --max-growth 0.05

    Exit status: 0 all is well; 1 something grew, was answered wrongly or too seldom, or restarts and faults differ; 2
    wrong usage. Writes soak.png and soak.json.
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    duration: Annotated[float, Argument(_duration, "S")] = 3600.0
    """Seconds that the load lasts; at least 60."""
    callers: Count = 6
    """Callers at the same time."""
    max_growth: Annotated[float, Argument(positive, "SHARE")] = 0.01
    """Share that anything may grow by over the last half; short runs need more, for they warm up."""
    output: Folder = Path("build/soak")
    """Folder for the plot, the figures and Triton's log."""
