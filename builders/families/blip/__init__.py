"""BLIP for visual question answering: a vision tower, a question encoder that looks at the photo, an answer decoder."""

from collections.abc import Sequence

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.blip.engines import engine_specs
from builders.families.blip.load import load_parts
from builders.parity.outputs import Reference

__all__ = ["engine_specs", "load_parts", "reference_outputs"]


def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone; see `builders/families/blip/reference.py`."""
    from builders.families.blip.reference import reference_outputs as outputs  # torch takes seconds to import

    return outputs(checkpoint, photos, questions, answer_tokens)
