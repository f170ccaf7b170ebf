"""`python -m benchmarks.agreement`: do our load test and NVIDIA's perf_analyzer measure the same of one server?"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, ExistingFolder, File, Positional, positive
from serving.repository_option import BuiltRepository


def _program(text: str) -> Path:
    if not os.access(text, os.X_OK) or not Path(text).is_file():
        raise ValueError(f"{text} is not a program that can be started")
    return Path(text)


@dataclass(frozen=True, kw_only=True)
class AgreementOptions:
    """Ask the embedded server the same questions at the same rate with `python -m loadtest` and with perf_analyzer, in
    turn, and print what each measured. perf_analyzer comes in the wheel of tritonclient 2.50.0 (`pip download --no-deps
    tritonclient==2.50.0`, unzip, data/bin); it needs libb64 (Debian: libb64-0d) and libcudart.so.12, for which the one
    in nvidia_pytriton.libs does, under that name.

    Example: python -m benchmarks.agreement build/vitrine-small --perf-analyzer ./perf_analyzer
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    perf_analyzer: Annotated[Path, Argument(_program, "FILE")]
    """The program."""
    libraries: ExistingFolder | None = None
    """Folder of its libcudart.so.12."""
    rate: Annotated[float, Argument(positive, "R")] = 15.0
    """Requests a second."""
    rounds: Count = 5
    """Rounds of each tool."""
    seconds: Annotated[Count, Argument(metavar="S")] = 40
    """Seconds of a round."""
    json: File | None = None
    """File to write the figures to as well."""


def main() -> int:
    options = options_from_arguments(AgreementOptions, "python -m benchmarks.agreement")
    from benchmarks.measure_agreement import measure_both  # brings gRPC, which --help does not need

    return measure_both(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
