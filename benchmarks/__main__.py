"""`python -m benchmarks`: Vitrine beside what people use instead, and beside its own engines alone."""

import sys

from benchmarks.options import BenchmarkOptions
from command_line.errors import exit_status
from command_line.options import options_from_arguments


def main() -> int:
    options = options_from_arguments(BenchmarkOptions, "python -m benchmarks")
    from benchmarks.run import compare_systems  # brings torch, gRPC and plots, which --help does not need

    return compare_systems(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
