"""`python -m benchmarks.tune`: find the processes of each step, and the waits, that serve the most here."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, File, Positional, Seconds, positive
from serving.repository_option import BuiltRepository


@dataclass(frozen=True, kw_only=True)
class TuneOptions:
    """Serve a repository in one arrangement after the other, and keep what answers more questions a second about new
    photos without letting them wait longer: instances of the steps, and how long a batch waits for further rows. Each
    trial runs beside the best so far, in turn. Writes a file for python -m builders --tuned.

    Example: python -m benchmarks.tune build/vitrine-small --output tuning.json
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    output: File = Path("build/tuning.json")
    """File to write."""
    callers: Count = 16
    """Callers that ask again as soon as they are answered."""
    seconds: Seconds = 6.0
    """Seconds of each arrangement in a trial, in slots that alternate."""
    p99_ms: Annotated[float | None, Argument(positive, "MS")] = None
    """Milliseconds that 99 % of the calls have to stay under (default: what they take as it is, and 10 %)."""


def main() -> int:
    options = options_from_arguments(TuneOptions, "python -m benchmarks.tune")
    from benchmarks.measure_tune import tune  # gRPC and numpy, which --help does not need

    return tune(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
