"""Inputs of the right shapes, for timing: an engine's cost does not hang on what it sees, but for when answers end."""

import numpy as np

from builders.parity import Outputs
from builders.repository import EXTRA_ROWS, BuildDimensions

_CANDIDATES = (64, 3)
"""How many, and their tokens."""


def noise_for(dimensions: BuildDimensions, batch: int) -> dict[str, Outputs]:
    """Each engine's inputs, by its name, with one question about each of `batch` photos."""
    random = np.random.default_rng(0)
    side, rows = dimensions.image_px, dimensions.image_tokens + EXTRA_ROWS
    features = random.normal(size=(batch, rows, dimensions.image_width)).astype(np.float16)
    features[:, -1] = 0  # the digest
    ids = random.integers(5, 50, (batch, 1, dimensions.question_tokens), dtype=np.int32)
    asked: Outputs = {"IMAGE_FEATURES": features, "QUESTION_IDS": ids, "QUESTION_MASK": np.ones_like(ids)}
    return {
        "image_encoder": {"PIXELS": random.integers(0, 256, (batch, side, side, 3), dtype=np.uint8)},
        "answer_decoder": asked,
        "answer_scorer": {**asked, "CANDIDATE_IDS": random.integers(5, 50, (batch, *_CANDIDATES), dtype=np.int32)},
    }
