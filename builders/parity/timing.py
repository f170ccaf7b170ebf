"""Times engines on inputs of the right shapes: their cost does not hang on what they see, but for when answers end."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from builders.parity.compare import Outputs
from builders.repository.configs import EXTRA_ROWS, BuildDimensions

_CANDIDATES = (64, 3)
"""How many, and their tokens."""
_MOST_RUNS, _LEAST_RUNS, _MOST_SECONDS = 15, 3, 5.0
"""Of each; the seconds end a run of a wide engine early."""


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


def medians_ms(runs: Mapping[str, Callable[[], Any]]) -> dict[str, float]:
    """Median milliseconds of each, all in turn, so that a noisy machine troubles all alike."""
    times: dict[str, list[float]] = {label: [] for label in runs}
    end_s = time.perf_counter() + _MOST_SECONDS * len(runs)
    for number in range(_MOST_RUNS + 1):
        for label, run in runs.items():
            start_s = time.perf_counter()
            run()
            times[label].append(1e3 * (time.perf_counter() - start_s))
        if number >= _LEAST_RUNS and time.perf_counter() > end_s:
            break
    return {label: statistics.median(found[1:]) for label, found in times.items()}  # the first warms up
