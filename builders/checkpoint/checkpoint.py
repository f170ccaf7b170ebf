"""A loaded checkpoint: model, processor and settings together, so that they cannot be mismatched."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vitrine_steps.step_settings import FamilySettings, StepSettings


@dataclass(frozen=True)
class Wishes:
    """What a build asks of a checkpoint beyond its files; None: as the family does it."""

    image_px: int | None = None
    """Side of the square that photos come into."""
    instruction: str | None = None
    """What is said before every question."""


NO_WISHES = Wishes()


@dataclass(frozen=True)
class Prompt:
    """What stands around a question."""

    prefix_ids: tuple[int, ...]
    """Token ids up to the question, the image's placeholder once for each image token."""
    suffix_ids: tuple[int, ...]
    """Token ids from the question's end to where the answer begins."""
    text: str
    """The whole prompt with one placeholder, and `{question}` where the question stands."""


@dataclass(frozen=True)
class ModelParts:
    """What a family loads from a checkpoint's files."""

    model: Any
    """The `transformers` model, FP32, in evaluation mode."""
    tokenizer: Any
    """The `transformers` fast tokenizer."""
    image_processor: Any
    """The `transformers` image processor that uses Pillow."""
    image_px: int
    """Side of the square photo, in pixels."""
    grid: int
    """Image tokens along one side of the photo: patches, or squares of merged ones."""
    image_tokens: int
    """Rows of a photo's features."""
    image_width: int
    """Numbers in a row of a photo's features."""
    max_text_tokens: int
    """Longest question or answer that the model takes."""
    answer_tokens: int
    """Longest answer that the checkpoint was trained for, end token counted in."""
    steps: FamilySettings
    """What the Python steps need to know of the family."""
    text_layers_heads: tuple[int, int] | None
    """Layers of the part that reads the question, and heads in each; None: no heads can be chosen to point."""
    prompt: Prompt | None = None
    """What stands around a question; None: nothing."""
    cannot_tell_answers: dict[str, list[str]] = field(default_factory=dict)
    """Answers that mean "the photo does not show it", by language, where no `vitrine.json` lists others."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint, ready to be compiled."""

    name: str
    architecture: str
    """Name in the checkpoint's own `architectures`."""
    folder: Path
    parts: ModelParts
    settings: StepSettings
    """What the Python steps need to know."""
    pointing_heads: tuple[tuple[int, int], ...] | None
    """Layer and head of the question's encoder that look at what is asked about; None: not known."""
    sha256: dict[str, str]
    """SHA-256 of each file, in hexadecimal."""
    revision: str | None = None
    """The hub's commit of it; None: a folder."""

    @property
    def model(self) -> Any:
        """The `transformers` model, FP32, in evaluation mode."""
        return self.parts.model

    @property
    def tokenizer(self) -> Any:
        """The `transformers` fast tokenizer."""
        return self.parts.tokenizer

    @property
    def image_processor(self) -> Any:
        """The `transformers` image processor that uses Pillow."""
        return self.parts.image_processor
