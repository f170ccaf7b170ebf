"""Options of `python -m training tune` and `check`."""

from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Literal

from command_line.values import (
    Argument,
    CheckpointName,
    Count,
    File,
    Folder,
    Positional,
    Repeated,
    WholeNumber,
    number,
    positive,
)

Augment = Literal["light", "strong"]
TuningMethod = Literal["lora", "adalora", "decoder", "full"]

_share = number("a share from 0 to below 1", lambda found: 0 <= found < 1)

_weight = number("a weight from 0 to 100", lambda found: 0 <= found <= 100)


@dataclass(frozen=True)
class TuningData:
    """What is learned from."""

    data: Repeated[tuple[File, ...]] = ()
    """Labelled questions or dialogues, JSON Lines or a JSON list; may be given again."""
    vqa_v2: Annotated[tuple[Path, Path, Path] | None, Argument(metavar=("QUESTIONS", "ANNOTATIONS", "PHOTOS"))] = None
    """Files of the VQA v2 challenge."""
    leave_out_bad: bool = False
    """Go on without the lines that the check finds wrong."""


@dataclass(frozen=True, kw_only=True)
class CheckCommand:
    """Look at labelled data before weights are fitted to it.

    It says which lines cannot be used, and what to look at: photos that cannot be read, blank or contradicting answers,
    answers that are too long or cannot be said, questions that stand twice, photos that look alike on both sides of the
    split. Then it counts languages and kinds.

    Example: python -m training check checkpoints/vitrine-small --data shop.jsonl

    Exit status: 0 if every line can be used, 1 if one cannot.
    """

    checkpoint: Positional[CheckpointName]
    """Checkpoint that will be tuned: a folder, or a name on the hub."""
    source: TuningData = field(default_factory=TuningData)


@dataclass(frozen=True)
class Course:
    """How it is learned."""

    method: TuningMethod = "lora"
    """lora: adapters of low rank beside the matrices that read text; adalora: the same, with ranks given to the
    matrices that need them; decoder: adapters in the part that writes answers alone; full: all weights."""
    train_vision: bool = False
    """Train the vision tower as well, where what is to be seen is new to it."""
    rank: Count = 16
    """Rank of an adapter."""
    steps: Count = 1000
    """Optimiser steps, at most."""
    batch: Count = 32
    """Questions of a step, of all processes together."""
    micro_batch: Count | None = None
    """Questions that go through the model at once (default: all of a process's share): fewer take less memory."""
    learning_rate: Annotated[float, Argument(positive, "RATE")] = 1e-3
    """The highest, after the first twentieth of the steps."""
    replay: Repeated[tuple[File, ...]] = ()
    """General questions, so that what the checkpoint knew is not forgotten; may be given again."""
    replay_share: Annotated[float, Argument(_share, "SHARE")] = 0.5
    """Share of them in a step."""
    distillation: Annotated[float, Argument(_weight, "WEIGHT")] = 0.0
    """Weight of a loss that keeps the probabilities of general answers what they were: less is forgotten, but a second
    copy of the model is in memory."""
    guesses: Repeated[tuple[File, ...]] = ()
    """Answers that a release was sure of, which python -m training label writes: for training alone; may be given
    again."""
    cannot_tell_share: Annotated[float, Argument(_share, "SHARE")] = 0.05
    """Share of the own questions that become one that no photo answers."""
    augment: Augment = "light"
    """light: photos are moved and their brightness changed; strong: turned and resized as well, where few photos show
    what is new."""
    reword: bool = False
    """Put other greetings around questions each time."""
    image_px: Count | None = None
    """Side of the square that a chat model sees photos in: as the build will have it (default: 512)."""
    instruction: File | None = None
    """Text that a chat model reads before every question: as the build will have it."""
    seed: WholeNumber = 0
    """Number that all is drawn from: the same one, the same checkpoint."""


@dataclass(frozen=True)
class Running:
    """How it runs."""

    work: Folder = Path("runs/tuning")
    """State, to go on after an interruption; logs; the parts of the split that are not trained on."""
    save_every: Count = 100
    """Steps between two states."""
    measure_every: Count = 100
    """Steps between two measurements on questions that are not trained on."""
    patience: Count = 5
    """Measurements without a gain before it stops; the best state is what is kept."""
    save_memory: bool = False
    """Compute a layer's inner values twice instead of keeping them: about a third slower."""
    device: str | None = None
    """Where it trains, "cpu" or "cuda" (default: the GPU where there is one)."""
    track: Literal["tensorboard", "wandb", "none"] = "tensorboard"
    """Where curves and examples go: files under --work, or Weights & Biases (WANDB_MODE=offline keeps it here)."""
    search: WholeNumber = 0
    """Try N settings of learning rate, rank and replay on short runs first, and go on with the best (needs Optuna)."""


@dataclass(frozen=True, kw_only=True)
class TuneCommand:
    """Tune a checkpoint on labelled questions of one's own.

    It is written as a plain checkpoint, which is built, gated and calibrated like any other. Products are split by a
    hash of their names: 70 % are trained on, 10 % tell when to stop, and 20 % are left for calibration and report.
    Stopped and started again with the same --work, it goes on where it was.

    Examples:
      python -m training tune checkpoints/vitrine-small build/mine --data shop.jsonl --replay general.jsonl
      torchrun --nproc-per-node 2 -m training tune ./qwen build/mine --data dialogues.json --micro-batch 2
    """

    checkpoint: Positional[CheckpointName]
    """Checkpoint to begin with: a folder, or a name on the hub."""
    output: Positional[Path]
    """Folder to write the tuned checkpoint to; must not exist."""
    source: TuningData = field(default_factory=TuningData)
    course: Course = field(default_factory=Course)
    running: Running = field(default_factory=Running)

    def __post_init__(self) -> None:
        if not self.source.data and not self.source.vqa_v2:
            raise ValueError("nothing to learn from: name --data FILE or --vqa-v2 QUESTIONS ANNOTATIONS PHOTOS")
        if self.output.exists():
            raise ValueError(f"{self.output} exists already: name a new folder")
        if self.running.track == "wandb" and not find_spec("wandb"):
            raise ValueError("--track wandb: its package is not installed: pip install wandb")
