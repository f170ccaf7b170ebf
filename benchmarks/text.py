"""`python -m benchmarks.text`: reading text, beside rapidocr in one process and behind FastAPI."""

import sys
from dataclasses import dataclass

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Count, Positional, Seconds
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class TextBenchmarkOptions:
    """Read new labels of ten lines one by one with the served repository and with rapidocr in this process, in turn;
    then with 16 callers the served one and rapidocr behind FastAPI, in turn; and a known photo.

    Example: python -m benchmarks.text build/vitrine-small
    """

    repository: Positional[BuiltRepository]
    """A built repository that reads text, of the small weights."""
    photos: Count = 40
    """Labels that are read one by one."""
    rounds: Count = 3
    """Rounds of the load."""
    seconds: Seconds = 15.0
    """Seconds of each system in a round."""


def main() -> int:
    options = options_from_arguments(TextBenchmarkOptions, "python -m benchmarks.text")
    from benchmarks.measure_text_reading import measure_text_reading  # brings gRPC, which --help does not need

    return measure_text_reading(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
