"""`python -m benchmarks.peak`: how near the engines come to what the processor can multiply and add."""

import sys
from dataclasses import dataclass

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import CheckpointName, Count, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True, kw_only=True)
class PeakOptions:
    """Time each engine alone, count its multiply-adds, and set the rate beside that of a plain matrix product in the
    same precision on the same threads.

    Example: python -m benchmarks.peak build/vitrine-small --checkpoint checkpoints/vitrine-small
    """

    repository: Positional[BuiltRepository]
    """A repository built for ONNX Runtime, in FP32."""
    checkpoint: CheckpointName
    """Checkpoint that it was built from."""
    threads: Count | None = None
    """Threads of a run (default: one a core)."""


def main() -> int:
    options = options_from_arguments(PeakOptions, "python -m benchmarks.peak")
    from benchmarks.measure_peak import measure_peak  # ONNX Runtime and torch

    return measure_peak(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
