"""What transformers makes of a photo and a question, where the model is an InternVL."""

from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.internvl.load import IMAGE_PLACEHOLDER
from builders.families.language.reference import Inputs, language_reference
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
    """The square as one tile, normalised by the checkpoint's own processor, which would cut up to 12 out of a photo."""
    found = checkpoint.parts.image_processor(square, crop_to_patches=False, return_tensors="pt")
    return {"pixel_values": found["pixel_values"]}


def _features(found: Any) -> torch.Tensor:
    features: torch.Tensor = found.pooler_output[0]
    return features
