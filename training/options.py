"""Options of `python -m training`."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.values import Argument, File, Folder, Positional, number, positive

TEXT_STEPS = 1500
"""Last steps of a training, of the text alone."""


@dataclass(frozen=True)
class BundledCommand:
    """Draw the training photos, and train a small BLIP from scratch.

    It is written as a checkpoint in the transformers format. Stopped and started again with the same --work folder, it
    goes on where it was.

    Example: python -m training bundled checkpoints/mine --steps 6000 --photos 20000
    """

    checkpoint: Positional[Path]
    """Folder to write the checkpoint to."""
    steps: int = 19_500
    """Optimiser steps, the last 1500 of the text alone; the default takes 100 minutes on 2 cores."""
    photos: int = 40_000
    """Different training photos."""
    work: Path = Path("runs/training")
    """Folder for state, history and photos."""
    workers: int = os.cpu_count() or 1
    """Processes that draw photos (default: one a core)."""
    start: Annotated[Path | None, Argument(flag="--from", metavar="CHECKPOINT")] = None
    """Checkpoint of this command to go on from: all steps train the text alone, with the words of today."""
    device: str | None = None
    """Where it trains, "cpu" or "cuda" (default: the GPU where there is one)."""

    @property
    def text_steps(self) -> int:
        return self.steps if self.start else TEXT_STEPS

    def __post_init__(self) -> None:
        least_steps = max(1, self.text_steps)
        if self.photos < 1 or self.workers < 1 or self.steps < least_steps:
            raise ValueError(f"--photos and --workers must be at least 1, --steps {least_steps}")
        if self.start and not (self.start / "config.json").is_file():
            raise ValueError(f"--from: {self.start} has no config.json: name the folder of a checkpoint")
        for folder in (self.checkpoint, self.work):
            if folder.exists() and not folder.is_dir():
                raise ValueError(f"{folder} is a file, but a folder is expected")


_probability = number("a confidence from 0 to 1", lambda found: 0 <= found <= 1)


@dataclass(frozen=True, kw_only=True)
class LabelCommand:
    """Let a release answer questions about photos that nobody has labelled, and keep what it is sure of.

    What is written is for training alone: python -m training tune --guesses FILE. Whether it helps is what the held-out
    questions say, which people have answered.

    Example: python -m training label build/vitrine-small --questions unlabelled.jsonl --output guesses.jsonl
    """

    repository: Positional[Folder]
    """A built repository that is calibrated."""
    questions: File
    """JSON Lines of {"photo": PATH, "question": TEXT}."""
    output: File
    """JSON Lines to write: the same lines, with the answers."""
    confidence: Annotated[float, Argument(_probability, "SHARE")] = 0.99
    """The least that an answer must have."""
    weight: Annotated[float, Argument(positive, "WEIGHT")] = 0.5
    """How often such a question is asked in training, beside 1 of a labelled one."""
