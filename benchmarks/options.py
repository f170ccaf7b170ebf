"""Options of `python -m benchmarks`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from command_line.values import Count, ExistingFolder, Folder, Repeated, Seconds

ModelName = Literal["vitrine-small", "vitrine-small-auto", "blip-vqa-base-size", "blip-vqa-base-size-int8"]


@dataclass(frozen=True)
class BenchmarkOptions:
    """Serve one checkpoint with FastAPI around transformers, with LitServe, with pytriton and with the embedded
    Vitrine, ask all of them the same in turn, and call our engines alone (the floor). Four models: the bundled
    checkpoint, the same with --precision auto, one of the size of blip-vqa-base with random weights, and that one with
    INT8 engines. Writes benchmark.json, benchmarks.md and its plot.

    Example: python -m benchmarks --quick --model vitrine-small
    """

    model: tuple[ModelName, ...] = ()
    """Models to serve (default: all; with --quick the first)."""
    checkpoint: Repeated[tuple[ExistingFolder, ...]] = ()
    """Checkpoints of yours to serve instead, BLIP or chat; a chat model's floor is in python -m benchmarks.chat."""
    output: Folder = Path("build/benchmark")
    """Folder for the figures, the page and its plot."""
    docs: ExistingFolder | None = None
    """Folder in which to put the page and its plot too (not with --quick)."""
    work: Folder = Path("build/benchmark")
    """Folder that keeps what has to be built for the next time."""
    rounds: Count = 3
    """Rounds of each model; of the large model half as many."""
    seconds: Seconds = 4.0
    """Seconds of a cell in a round."""
    quick: bool = False
    """One short round."""
