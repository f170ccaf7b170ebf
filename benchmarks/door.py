"""`python -m benchmarks.door`: what the door in front of Triton costs a question, beside Triton's own port.

Both lead to the same Triton. A known photo is asked about at the one and at
the other in turn, in an order drawn anew each time, so that what else the
machine does falls on both.
"""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, File, Positional, whole_number
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class DoorOptions:
    """Measure latency of a question about a known photo through the door and at Triton's own port, in turn; processor
    time of the door for one; the same for a photo of 16 MiB.

    Example: python -m benchmarks.door build/vitrine-small --calls 2000
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    calls: Annotated[int, Argument(whole_number(100), "N")] = 1000
    """Calls on each way, at least 100."""
    json: File | None = None
    """File to write the figures to as well."""


def main() -> int:
    options = options_from_arguments(DoorOptions, "python -m benchmarks.door")
    from benchmarks.measure_door import measure_door  # brings gRPC, which --help does not need

    return measure_door(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
