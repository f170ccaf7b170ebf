"""`python -m evaluation.text`: how well is text read, and how far can a line's confidence be trusted?"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, File, Positional, WholeNumber
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class TextOptions:
    """Read labels that are drawn with known text, in both languages, through the client, and report how right lines,
    characters and facts are, by language, size, angle, blur and contrast; codes; documents; and photos without text.

    Examples:
      python -m evaluation.text build/vitrine-small
      python -m evaluation.text build/vitrine-small --data labels.jsonl
      python -m evaluation.text build/own --fit builders/text/calibrations/own.json --first-label 100000
    """

    repository: Positional[BuiltRepository]
    """A built repository; served embedded unless --url is given."""
    url: Annotated[str | None, Argument(metavar="HOST:PORT")] = None
    """A server that runs already."""
    labels: Count = 1000
    """Labels that are drawn."""
    first_label: WholeNumber = 50_000
    """Number of the first."""
    data: File | None = None
    """Photos of your own instead: JSON Lines of {"photo": PATH, "lines": [TEXT, ...], "language": "zh" or "en"}."""
    codes: WholeNumber = 300
    """Codes that are drawn."""
    documents: WholeNumber = 150
    """Identity cards, bank cards and receipts that are drawn."""
    without_text: WholeNumber = 500
    """Product photos without text that are read."""
    threads: Count = 2
    """Photos that are read at once."""
    fit: File | None = None
    """Fit the confidence of a line on the labels, and write it there."""
    output: File = Path("build/text-evaluation.json")
    """File for the figures."""


def main() -> int:
    options = options_from_arguments(TextOptions, "python -m evaluation.text")
    from evaluation.measure_text import measure_text  # brings gRPC and SciPy, which --help does not need

    return measure_text(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
