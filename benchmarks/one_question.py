"""`python -m benchmarks.one_question`: latency of one question, start-up time, and memory after many questions."""

import sys
from dataclasses import dataclass

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import File, Positional
from serving.repository_option import BuiltRepository

LEAST_QUESTIONS = 2000
"""Questions of which the memory is read at four points."""
MOST_TOGETHER = 16
"""Questions of one request, as the client allows."""


@dataclass(frozen=True)
class OneQuestionOptions:
    """Measure the embedded server: time until ready, latency of one question about a new 640x480 photo and about the
    same photo again, of a choice from 64 (median and spread, through the client), of decoding and resizing JPEGs of
    several sizes, and memory of the server tree (with a cache of 64 MiB, which is soon full, so that what grows is not
    the cache).

    Example: python -m benchmarks.one_question build/vitrine-small --questions 100000
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    photos: int = 200
    """Photos for the latency."""
    questions: int = 10_000
    """Questions for the memory, at least 2000."""
    together: int = 1
    """Questions of them about each new photo, 1 to 16."""
    json: File | None = None
    """File to write the figures to as well."""

    def __post_init__(self) -> None:
        if self.photos < 2 or self.questions < LEAST_QUESTIONS or not 1 <= self.together <= MOST_TOGETHER:
            raise ValueError(
                f"--photos must be at least 2, --questions at least {LEAST_QUESTIONS}, --together 1 to {MOST_TOGETHER}"
            )


def main() -> int:
    options = options_from_arguments(OneQuestionOptions, "python -m benchmarks.one_question")
    from benchmarks.measure_one_question import measure_one_question  # gRPC, and builders' torch

    return measure_one_question(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
