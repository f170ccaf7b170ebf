"""`python -m benchmarks.bulk`: what bulk costs those who wait, by the way in which it gives way."""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Positional, Seconds, positive
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class BulkOptions:
    """Ask a few questions a second through the gateway, about new photos, and measure latency: alone, while another
    shop sends as much as it can, while that shop's calls are bulk (--bulk of python -m serving.door.gateway), and while
    they go to a server of their own on this machine, which was started with nice -n 19 (--bulk-server). Each round
    measures all of them in turn; medians of the rounds are printed.

    Example: python -m benchmarks.bulk build/vitrine-small --seconds 60 --rounds 5
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    rate: Annotated[float, Argument(positive, "N")] = 5.0
    """Questions a second of those who wait."""
    bulk_callers: Count = 16
    """Calls at a time of the other shop."""
    under_way_of_bulk: Count = 2
    """How many of them the gateway lets through, where they are bulk."""
    seconds: Seconds = 30.0
    """Seconds of each measurement."""
    rounds: Count = 3
    """Rounds."""


def main() -> int:
    options = options_from_arguments(BulkOptions, "python -m benchmarks.bulk")
    from benchmarks.measure_bulk import measure_bulk  # brings gRPC, which --help does not need

    return measure_bulk(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
