"""What transformers makes of a photo and a question, where the vision tower is Qwen3-VL's."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.language.reference import Inputs, language_reference
from builders.families.qwen3_vl.load import IMAGE_PLACEHOLDER
from builders.parity.outputs import Reference


def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone; see `builders/families/language/reference.py`."""
    return language_reference(
        checkpoint, photos, questions, answer_tokens, image_token=IMAGE_PLACEHOLDER, inputs_of=photo_inputs,
        features_of=_features, needs_token_types=True,
    )  # fmt: skip


def photo_inputs(checkpoint: Checkpoint, square: Image.Image) -> Inputs:
    """Patches, cut by the checkpoint's own processor."""
    found = checkpoint.parts.image_processor(square, do_resize=False, return_tensors="pt")
    return {name: found[name] for name in ("pixel_values", "image_grid_thw")}


def _features(found: Any) -> torch.Tensor:
    deep = getattr(found, "deepstack_features", None) or []
    layers = [layer[0] if isinstance(layer, (list, tuple)) else layer for layer in deep]
    return torch.cat([found.pooler_output[0], *layers], -1)
