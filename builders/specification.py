"""What a build makes, decided once from its options and its checkpoint; no later stage reads the options."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.dimensions import BuildDimensions
from builders.embedding.weights import EmbeddingWeights, embedding_weights
from builders.engine_spec import EngineSpec
from builders.errors import UsageError
from builders.families import family_of
from builders.options import BuildOptions, Strategy
from builders.repository.configs import ServingConfig
from builders.repository.tuning import Tuning, tuning_from_file
from builders.sizes import dimensions_of
from builders.text.weights import TextWeights, text_weights


@dataclass(frozen=True)
class Specification:
    checkpoint: Checkpoint
    calibration: dict[str, Any] | None
    """None: answers will carry no confidence."""
    dimensions: BuildDimensions
    engines: Sequence[EngineSpec]
    target: str
    """What the engines run on, as it was asked for."""
    strategy: Strategy
    instruction: str | None
    """What a chat model reads before every question; None: its family's own."""
    precision: str
    """Precision as it was asked for, "auto" included."""
    serving: ServingConfig
    parity_photos: int
    photos: Path | None
    """Folder of photos for the parity check; None: they are drawn."""
    low_precision_photos: int
    """Photos on which INT8 has to keep the answers."""
    text: TextWeights | None
    """Networks that read text; None: nothing reads it."""
    embedding: EmbeddingWeights | None
    """Network that makes photos' vectors; None: the checkpoint's own image encoder does."""
    rules: Path | None
    """House rules to build in."""
    cache: Path
    output: Path

    @property
    def graph_precision(self) -> str:
        """The precision of the exported graphs."""
        return "fp32" if self.precision == "auto" else self.precision

    def stage_count(self, *, graphs_only: bool) -> int:
        """How many stages the build will announce."""
        engines = len(self.engines)
        if graphs_only:
            return 3 + engines
        return (
            5
            + (2 if self.text else 0)
            + (2 if self.embedding else 0)
            + 2 * engines
            + (1 if self.target != "onnxruntime" else 2 if self.precision == "auto" else 0)
        )


def specify(
    checkpoint: Checkpoint, calibration: dict[str, Any] | None, options: BuildOptions, wishes: Wishes
) -> Specification:
    """Decide what to build.

    Raises:
        UsageError: the checkpoint does not take what was asked.
    """
    dimensions = dimensions_of(checkpoint, options)
    is_chat = checkpoint.parts.prompt is not None
    batch = options.batch_for(dimensions, is_chat=is_chat)
    return Specification(
        checkpoint=checkpoint,
        calibration=calibration,
        dimensions=dimensions,
        engines=family_of(checkpoint.architecture).engine_specs(dimensions, options.decode_strategy),
        target=options.target,
        strategy=options.decode_strategy,
        instruction=wishes.instruction,
        precision=options.precision_for(is_chat=is_chat),
        serving=ServingConfig(
            options.target.replace("-", "_"),
            batch,
            options.serving_cores,
            tuning_from_file(options.tuned) if options.tuned else Tuning(),
            options.gpus,
            options.gpu_instances,
        ),
        parity_photos=options.parity_photos_for(checkpoint),
        photos=options.photos,
        low_precision_photos=options.low_precision_photos,
        text=None if options.without_text else text_weights(options.text_weights),
        embedding=None if options.photo_vectors == "own" else embedding_weights(options.photo_vectors),
        rules=options.rules,
        cache=options.cache_folder,
        output=options.repository,
    )


def wishes_of(options: BuildOptions) -> Wishes:
    """What the options ask of a checkpoint.

    Raises:
        UsageError: the file of the instruction cannot be read.
    """
    if options.instruction is None:
        return Wishes(options.image_px)
    try:
        return Wishes(options.image_px, options.instruction.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"--instruction {options.instruction} cannot be read as UTF-8 ({error})") from error
