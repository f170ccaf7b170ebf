"""`python -m benchmarks.decoding`: one decode step in a loop, or all steps written out, side by side on this CPU."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, CheckpointName, Count


@dataclass(frozen=True)
class DecodingOptions:
    """Time both ways to decode, one decode step in a loop and all steps written out, side by side on this CPU.

    Example: python -m benchmarks.decoding --alternatives 5 --runs 100
    """

    checkpoint: CheckpointName = "checkpoints/vitrine-small"
    """Checkpoint whose decoder is exported."""
    alternatives: Annotated[tuple[Count, ...], Argument(metavar="K")] = (1, 5)
    """Answers a question, the greedy one counted in."""
    runs: Count = 300
    """Runs of each strategy, in turn."""
    json: bool = False
    """Print the figures as JSON."""
    memory_of: Annotated[Path | None, Argument(is_hidden=True)] = None
    """Graph whose memory is printed: how this program measures it, in a process of its own."""


def main() -> int:
    options = options_from_arguments(DecodingOptions, "python -m benchmarks.decoding")
    from benchmarks.measure_decoding import measure_session_bytes, measure_strategies  # ONNX Runtime and torch

    if options.memory_of:
        print(measure_session_bytes(options.memory_of))
        return 0
    return measure_strategies(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
