"""The serving steps around engines, as a build runs them: a photo's pixels and features, a question's tokens."""

import numpy as np
from numpy.typing import NDArray

from builders.checkpoint.checkpoint import Checkpoint
from builders.errors import UsageError
from builders.parity.outputs import Engine, Outputs
from builders.parity.tolerances import PARITY_LIMITS
from vitrine_steps.features import pack_features
from vitrine_steps.photo.pixels import DRAFT_RATIO, pixels_from_photo, sha256_of_photo
from vitrine_steps.question import QuestionLimits, QuestionSteps, padded, tokens_from_question
from vitrine_steps.text import TextError


def encode_photo(
    encoder: Engine, checkpoint: Checkpoint, photo: bytes, *, draft_ratio: int | None = DRAFT_RATIO
) -> Outputs:
    """The encoder's outputs for a photo, and its features as they travel, IMAGE_FEATURES."""
    return encode_pixels(encoder, pixels_of(checkpoint, photo, draft_ratio=draft_ratio), photo)


def pixels_of(checkpoint: Checkpoint, photo: bytes, *, draft_ratio: int | None) -> NDArray[np.uint8]:
    """[S, S, 3] uint8, as the photo step makes them."""
    parts = checkpoint.parts
    return pixels_from_photo(
        photo, side_px=parts.image_px, limits=PARITY_LIMITS, draft_ratio=draft_ratio, fit=parts.steps.photo_fit
    )


def encode_pixels(encoder: Engine, pixels: NDArray[np.uint8], photo: bytes) -> Outputs:
    outputs = encoder({"PIXELS": pixels[None]})
    digest = sha256_of_photo(photo)[None]
    packed = pack_features(outputs["ENCODED_FEATURES"], outputs["IMAGE_POOLED"], digest)
    return outputs | {"IMAGE_FEATURES": packed}


def question_tensors(checkpoint: Checkpoint, text: str, question_tokens: int) -> Outputs:
    """Make the decoder's inputs of one question about one photo: ids and mask, [1, 1, L] int32."""
    limits = QuestionLimits(max_bytes=10_000, max_tokens=question_tokens)
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    try:
        steps = QuestionSteps(tokenizer, limits, checkpoint.parts.steps)
        ids, mask = padded([tokens_from_question(text.encode(), steps)], steps)
    except TextError as error:
        raise UsageError(f"parity question {text!r}: {error}; or build with more --question-tokens") from error
    return {"QUESTION_IDS": ids[None], "QUESTION_MASK": mask[None]}
