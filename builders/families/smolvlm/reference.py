"""What transformers makes of a photo and a question, where the model is a SmolVLM."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.language.reference import Inputs, language_reference
from builders.families.smolvlm.load import IMAGE_PLACEHOLDER
from builders.parity.outputs import Reference


def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone; see `builders/families/language/reference.py`."""
    return language_reference(
        checkpoint, photos, questions, answer_tokens, image_token=IMAGE_PLACEHOLDER, inputs_of=photo_inputs,
        features_of=_features, needs_token_types=False,
    )  # fmt: skip


def photo_inputs(checkpoint: Checkpoint, square: Image.Image) -> Inputs:
    """The square as it is, normalised by the checkpoint's own processor: [1, 1, 3, S, S].

    Left to itself, the processor would make it four times as large, and cut that into tiles. Without tiles it would
    still enlarge it and shrink it again, which `do_resize` decides.
    """
    found = checkpoint.parts.image_processor(square, do_image_splitting=False, do_resize=False, return_tensors="pt")
    return {"pixel_values": found["pixel_values"]}


def _features(found: Any) -> torch.Tensor:
    features: torch.Tensor = found.pooler_output[0]
    return features
