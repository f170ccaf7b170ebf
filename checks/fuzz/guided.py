"""`python -m checks.fuzz.guided TARGET`: fuzzing of the steps' code, guided by its coverage (atheris), no server.

Whatever comes, a step's code returns a result of the right shape or raises the
error that is told to callers; anything else stops the run and leaves the input
in `--output`.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Folder, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class GuidedOptions:
    """Fuzz one step's own code, guided by coverage.

    Example: python -m checks.fuzz.guided photo build/vitrine-small --seconds 60

    Exit status: 0 nothing was found in the time; 2 wrong usage; otherwise the input lies in --output.
    """

    target: Positional[Literal["photo", "question", "answer"]]
    """Whose code."""
    repository: Positional[BuiltRepository]
    """A built repository, for its tokenizer and calibration."""
    seconds: Annotated[Count, Argument(metavar="S")] = 20
    """Seconds that it runs."""
    output: Folder = Path("build/fuzz")
    """Folder for the corpus, and for inputs that broke something."""


def main() -> int:
    options = options_from_arguments(GuidedOptions, "python -m checks.fuzz.guided")
    from checks.fuzz.guided_targets import fuzz_target  # brings atheris, which --help does not need

    return fuzz_target(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
