"""SmolVLM2: a chat model that sees a photo in one square of its own size."""

from collections.abc import Sequence

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.smolvlm.engines import engine_specs
from builders.families.smolvlm.load import load_parts
from builders.parity.outputs import Reference

__all__ = ["engine_specs", "load_parts", "reference_outputs"]


def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone; see `builders/families/smolvlm/reference.py`."""
    from builders.families.smolvlm.reference import reference_outputs as outputs  # torch takes seconds to import

    return outputs(checkpoint, photos, questions, answer_tokens)
