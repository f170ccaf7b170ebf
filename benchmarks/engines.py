"""`python -m benchmarks.engines`: the engines alone, in turn: built repositories beside PyTorch, without a server."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, CheckpointName, Count


def _repository(text: str) -> Path:
    """A built repository's folder; not serving's own check, for the container that builds does not have serving/."""
    if not (Path(text) / "manifest.json").is_file():
        raise ValueError(f"{text} has no manifest.json: name a repository that python -m builders has built")
    return Path(text)


@dataclass(frozen=True, kw_only=True)
class EngineOptions:
    """Time the engines alone, in turn: built repositories beside PyTorch, without a server.

    Example: python -m benchmarks.engines build/vitrine-small --checkpoint checkpoints/vitrine-small
    """

    repository: Annotated[tuple[Path, ...], Argument(_repository, is_positional=True)]
    """Built repositories, for any target."""
    checkpoint: CheckpointName
    """Checkpoint that they were built from."""
    batch: Annotated[tuple[Count, ...], Argument(metavar="ROWS")] = (1, 8)
    """Rows of a run."""
    runs: Count = 100
    """Runs of each, in turn."""
    json: bool = False
    """Print the figures as JSON."""


def main() -> int:
    options = options_from_arguments(EngineOptions, "python -m benchmarks.engines")
    from benchmarks.measure_engines import measure_engines  # torch

    return measure_engines(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
