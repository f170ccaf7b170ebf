"""Qwen3.5: Qwen3-VL's vision tower, and a language model of which three layers of four have linear attention."""

from collections.abc import Sequence
from pathlib import Path

from builders.checkpoint.checkpoint import Checkpoint, ModelParts, Wishes
from builders.families.qwen3_5.engines import engine_specs
from builders.families.qwen3_vl import reference_outputs as qwen_reference
from builders.families.qwen3_vl.load import qwen_parts
from builders.parity.outputs import Reference

__all__ = ["engine_specs", "load_parts", "reference_outputs"]


def load_parts(folder: Path, checkpoint: str, wishes: Wishes) -> ModelParts:
    """Load model, tokenizer and image processor; see `builders/families/qwen3_vl/load.py`."""
    from transformers import Qwen3_5ForConditionalGeneration

    return qwen_parts(folder, checkpoint, wishes, Qwen3_5ForConditionalGeneration)


def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone; see `builders/families/language/reference.py`."""
    return qwen_reference(checkpoint, photos, questions, answer_tokens)
