"""`python -m benchmarks.vectors`: how fast, how right and how large a store of vectors is."""

import sys
from dataclasses import dataclass
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count


@dataclass(frozen=True)
class VectorsOptions:
    """Fill a store with random vectors that lie in clusters, and ask for the ten nearest: recall against comparing
    with all, and the median time of a search, without a filter and with one that one vector in a hundred meets.

    Example: python -m benchmarks.vectors --count 100000
    """

    store: Annotated[str, Argument(str, "URL")] = ""
    """Where to, such as postgresql://USER:PASSWORD@HOST/NAME; without it, Qdrant Edge in a folder that is removed."""
    count: Count = 100_000
    """Vectors."""
    width: Count = 192
    """Numbers in each."""
    queries: Count = 200
    """Searches of each kind."""


def main() -> int:
    options = options_from_arguments(VectorsOptions, "python -m benchmarks.vectors")
    from benchmarks.measure_vectors import measure_vectors  # brings numpy and psutil, which --help does not need

    return measure_vectors(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
