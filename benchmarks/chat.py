"""`python -m benchmarks.chat`: a chat model as served, beside its engines alone and beside transformers."""

import sys
from dataclasses import dataclass

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import CheckpointName, File, Positional
from serving.repository_option import BuiltRepository


@dataclass(frozen=True)
class ChatOptions:
    """Measure a chat model's repository in one run, each round one of each: a question about a new photo and about the
    same photo again, as served, by the engines alone and by transformers' `generate` (FP32, on all cores), ten
    questions about that photo, and memory.

    All are given the repository's answer tokens; build with few of them (--answer-tokens 5) to measure short answers.

    Example: python -m benchmarks.chat build/qwen --checkpoint ./Qwen3-VL-2B-Instruct
    """

    repository: Positional[BuiltRepository]
    """A built repository of a chat model."""
    checkpoint: CheckpointName
    """What it was built from."""
    rounds: int = 5
    """Photos."""
    json: File | None = None
    """File to write the figures to as well."""

    def __post_init__(self) -> None:
        if self.rounds < 1:
            raise ValueError(f"--rounds is {self.rounds}, but must be at least 1")


def main() -> int:
    options = options_from_arguments(ChatOptions, "python -m benchmarks.chat")
    from benchmarks.measure_chat import measure_chat  # gRPC, and builders' torch

    return measure_chat(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
