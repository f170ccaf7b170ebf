"""Qwen3-VL: a chat model that sees, on one fixed square grid."""

from collections.abc import Sequence

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.qwen3_vl.engines import engine_specs
from builders.families.qwen3_vl.load import load_parts
from builders.parity.outputs import Reference

__all__ = ["engine_specs", "load_parts", "reference_outputs"]


def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone; see `builders/families/qwen3_vl/reference.py`."""
    from builders.families.qwen3_vl.reference import reference_outputs as outputs  # torch takes seconds to import

    return outputs(checkpoint, photos, questions, answer_tokens)
