"""`python -m evaluation.compare A B`: what changed between two evaluations, beyond chance."""

import sys
from dataclasses import dataclass
from pathlib import Path

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Positional


@dataclass(frozen=True)
class CompareOptions:
    """Say what changed between two evaluations. Where both asked the same questions, accuracy is compared question by
    question (McNemar's test); other shares by Fisher's exact test. Of twenty figures that did not change, one may still
    show p < 0.05.

    Example: python -m evaluation.compare build/evaluation-old build/evaluation-new
    """

    before: Positional[Path]
    """Folder that `python -m evaluation --output` wrote."""
    after: Positional[Path]
    """Folder of another one."""


def main() -> int:
    options = options_from_arguments(CompareOptions, "python -m evaluation.compare")
    from evaluation.comparison import compare  # brings numpy, which --help does not need

    return compare(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
