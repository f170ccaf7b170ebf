"""`python -m benchmarks.outage`: Triton is killed while questions are under way: how many are not answered in time."""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class OutageOptions:
    """Kill Triton under its supervisor while questions with a deadline are under way, from threads and from an event
    loop in turn.

    Example: python -m benchmarks.outage build/vitrine-small --kills 2

    Exit status: 0 all were answered, and rightly.
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    calls: Count = 50
    """Calls under way at each kill."""
    kills: Count = 2
    """Times that Triton is killed; after later ones the restart waits longer."""
    timeout: Annotated[float, Argument(metavar="S")] = 15.0
    """Deadline of a call."""


def main() -> int:
    options = options_from_arguments(OutageOptions, "python -m benchmarks.outage")
    from benchmarks.measure_outage import measure_outage  # brings gRPC, which --help does not need

    return measure_outage(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
