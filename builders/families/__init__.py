"""Model families: for each, how it is loaded, which engines it has, and what its reference answers are."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Protocol

from builders.checkpoint.checkpoint import Checkpoint, ModelParts, Wishes
from builders.dimensions import BuildDimensions
from builders.engine_spec import EngineSpec
from builders.errors import UsageError
from builders.parity.outputs import Reference

SUPPORTED = (
    "BlipForQuestionAnswering",
    "Qwen3VLForConditionalGeneration",
    "Qwen3_5ForConditionalGeneration",
    "InternVLForConditionalGeneration",
    "SmolVLMForConditionalGeneration",
)
_LIKENESS = 0.6
"""Of the names of two architectures, what they are for left out."""


class Family(Protocol):
    """What the module of a family holds."""

    def load_parts(self, folder: Path, checkpoint: str, wishes: Wishes) -> ModelParts:
        """Load a checkpoint's files; see `builders/families/blip/load.py`."""
        ...

    def engine_specs(self, dimensions: BuildDimensions, strategy: str) -> tuple[EngineSpec, ...]:
        """Describe the engines of a build."""
        ...

    def reference_outputs(
        self, checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
    ) -> Reference:
        """Answer with transformers alone: the truth that engines are held to."""
        ...


def family_of(architecture: str, checkpoint: str = "the checkpoint") -> Family:
    """Find the family of an architecture.

    Args:
        architecture: as in the checkpoint's own `architectures`.
        checkpoint: what the caller named, for the message.

    Raises:
        UsageError: no family here has it.
    """
    match architecture:
        case "BlipForQuestionAnswering":
            from builders.families import blip

            return blip
        case "Qwen3VLForConditionalGeneration":
            from builders.families import qwen3_vl

            return qwen3_vl
        case "Qwen3_5ForConditionalGeneration":
            from builders.families import qwen3_5

            return qwen3_5
        case "InternVLForConditionalGeneration":
            from builders.families import internvl

            return internvl
        case "SmolVLMForConditionalGeneration":
            from builders.families import smolvlm

            return smolvlm
        case _:
            stems = {name.partition("For")[0]: name for name in SUPPORTED}
            near = get_close_matches(architecture.partition("For")[0], stems, n=1, cutoff=_LIKENESS)
            raise UsageError(
                f"{checkpoint} is a {architecture}{f', and the nearest here is {stems[near[0]]}' if near else ''}; "
                f"supported is {', '.join(SUPPORTED)} "
                "(such as Salesforce/blip-vqa-base, Qwen/Qwen3-VL-2B-Instruct and OpenGVLab/InternVL3_5-1B-HF, or one "
                "fine-tuned from them)"
            )
