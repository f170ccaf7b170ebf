"""What a build is asked for."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from builders.checkpoint.load import Checkpoint
from builders.errors import UsageError
from builders.repository.configs import DIGEST_BYTES, MOST_REFUSALS, BatchRange, BuildDimensions, engine_threads

TARGETS = ("onnxruntime", "tensorrt")
STRATEGIES = ("loop", "unrolled")
PRECISIONS = {"onnxruntime": ("fp32", "auto"), "tensorrt": ("fp16", "bf16")}
"""Per target, its default first. "auto": for each engine the fastest of FP32 and INT8 that keeps the answers."""
HARDWARE_COMPATIBILITY = ("none", "same_compute_capability", "ampere_plus")


@dataclass(frozen=True)
class PlanOptions:
    """Of TensorRT's builder."""

    workspace_gib: float = 4.0
    optimization_level: int = 3
    """0 to 5: how long TensorRT looks for faster kernels."""
    hardware_compatibility: str = "none"
    """Which other GPUs the plan runs on: one of `HARDWARE_COMPATIBILITY`."""
    version_compatible: bool = False
    """Whether other versions of TensorRT load the plan."""


@dataclass(frozen=True)
class BuildOptions:
    checkpoint: str
    output: Path
    target: str = "onnxruntime"
    precision: str | None = None
    """None: the target's default."""
    revision: str | None = None
    """A commit of the hub; needed there."""
    sha256: tuple[str, ...] = ()
    """Of the weights; needed for the hub."""
    question_tokens: int = 32
    answer_tokens: int | None = None
    """None: as the checkpoint says."""
    answers: int = 5
    batch: BatchRange | None = None
    """None: `batch_for` decides."""
    decode_strategy: str = "loop"
    cores: int | None = None
    """Of the machine that will serve. None: as many as here."""
    parity_photos: int = 16
    photos: Path | None = None
    """A folder of photos for the parity check. None: photos are drawn."""
    plan: PlanOptions = field(default_factory=PlanOptions)
    cache: Path | None = None
    """Finished graphs of an interrupted build, and TensorRT's timings. None: `cache` beside the output."""
    low_precision_photos: int = 143
    """On which "auto" has to keep the answers, 7 questions each."""
    rules: Path | None = None
    """House rules, `answer_rules.yaml`, to build in."""
    graphs_only: bool = False
    """Stop when the graphs are proved, before TensorRT starts."""

    @property
    def cache_folder(self) -> Path:
        return self.cache or self.output.parent / "cache"

    @property
    def chosen_precision(self) -> str:
        return self.precision or PRECISIONS[self.target][0]

    @property
    def serving_cores(self) -> int:
        return (os.cpu_count() or 1) if self.cores is None else self.cores

    def batch_for(self, dimensions: BuildDimensions) -> BatchRange:
        """Rows of one run: as asked, else 16 at most, and 4 of a wide model on the CPU.

        Runs of a wide model keep all cores busy from the first row on: of the size of `blip-vqa-base`, 16 callers had
        as many answers a second with 4 rows at most as with 16, and the server 3.5 GiB of memory instead of 5.8.
        """
        if self.batch is None and self.target == "onnxruntime" and engine_threads(dimensions) != 1:
            return BatchRange(4, 4)
        return self.batch or BatchRange()

    @property
    def graph_precision(self) -> str:
        """Of the exported graphs."""
        return "fp32" if self.chosen_precision == "auto" else self.chosen_precision


def require_possible(options: BuildOptions) -> None:
    """
    Raises:
        UsageError: an option is wrong whatever the checkpoint.
    """
    if options.chosen_precision not in PRECISIONS[options.target]:
        raise UsageError(
            f"--precision {options.precision} with --target {options.target}: it takes "
            f"{' or '.join(PRECISIONS[options.target])} (ONNX Runtime's CPU kernels compute half precision as FP32)"
        )
    for name, count in (
        ("--answers", options.answers),
        ("--parity-photos", options.parity_photos),
        ("--low-precision-photos", options.low_precision_photos),
        ("--cores", options.serving_cores),
    ):
        if count < 1:
            raise UsageError(f"{name} is {count}, but must be at least 1")
    if options.plan.workspace_gib <= 0:
        raise UsageError(f"--workspace-gib is {options.plan.workspace_gib:g}, but must be more than 0")
    if options.plan.optimization_level not in range(6):
        raise UsageError(f"--optimization-level is {options.plan.optimization_level}, but must be 0 to 5")
    if options.graphs_only and options.target != "tensorrt":
        raise UsageError("--graphs-only stops before TensorRT starts: it goes with --target tensorrt")


def dimensions_of(checkpoint: Checkpoint, options: BuildOptions) -> BuildDimensions:
    """The letters of the tensor contract for this checkpoint.

    Raises:
        UsageError: the checkpoint does not take what was asked.
    """
    longest = int(checkpoint.model.config.text_config.max_position_embeddings)
    answer_tokens = checkpoint.answer_tokens if options.answer_tokens is None else options.answer_tokens
    if checkpoint.image_width < DIGEST_BYTES:
        raise UsageError(f"features are {checkpoint.image_width} wide; a photo's digest needs {DIGEST_BYTES}")
    for name, tokens in (("--question-tokens", options.question_tokens), ("--answer-tokens", answer_tokens)):
        if not 2 <= tokens <= longest:
            raise UsageError(f"{name} is {tokens}, but this checkpoint takes 2 to {longest}")
    encode = checkpoint.tokenizer.backend_tokenizer.encode
    refusals = {text: len(encode(text)) - 1 for texts in checkpoint.cannot_tell_answers.values() for text in texts}
    if len(refusals) > MOST_REFUSALS:
        raise UsageError(f'the checkpoint has {len(refusals)} ways to say "cannot tell"; {MOST_REFUSALS} fit in a list')
    for text, tokens in refusals.items():
        if tokens > answer_tokens:
            raise UsageError(f"{text!r} has {tokens} tokens, but answers have {answer_tokens}: raise --answer-tokens")
    return BuildDimensions(
        image_px=checkpoint.image_px,
        image_tokens=checkpoint.image_tokens,
        image_width=checkpoint.image_width,
        grid=checkpoint.grid,
        question_tokens=options.question_tokens,
        answers=options.answers,
        answer_tokens=answer_tokens,
    )
