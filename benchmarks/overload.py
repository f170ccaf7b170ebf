"""`python -m benchmarks.overload`: five times what a server can do, for a minute: what is still answered, and after."""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Positional, Seconds, positive
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class OverloadOptions:
    """Ask five times what a server can answer, about new photos, for a minute: what is still answered, what memory it
    takes, and how soon all is as before.

    Example: python -m benchmarks.overload build/vitrine-small --seconds 20
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    times: Annotated[float, Argument(positive, "N")] = 5.0
    """Load, as a multiple of the peak."""
    seconds: Seconds = 60.0
    """Seconds of that load."""
    no_retries: bool = False
    """Callers do not try again."""


def main() -> int:
    options = options_from_arguments(OverloadOptions, "python -m benchmarks.overload")
    from benchmarks.measure_overload import measure_overload  # brings gRPC, which --help does not need

    return measure_overload(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
