"""Which part of the data a product belongs to: by a hash of its name, so that it stays there when data is added."""

import hashlib
from collections.abc import Iterable
from typing import Literal

from training.tuning.data import Example

Part = Literal["train", "stop", "calibration", "report"]
_SHARES: tuple[tuple[Part, float], ...] = (("train", 0.7), ("stop", 0.1), ("calibration", 0.1), ("report", 0.1))
"""Shares of the products: weights are fitted on the first, the second tells when to stop, confidence is fitted on the
third, and the report is about the last. Tuning reads the first two alone."""


def part_of(product: str) -> Part:
    """Name the part that all questions about a product belong to."""
    place = int.from_bytes(hashlib.sha256(product.encode("utf-8", "surrogatepass")).digest()[:8]) / 2**64
    for part, share in _SHARES:
        if place < share:
            return part
        place -= share
    return _SHARES[-1][0]


def split_examples(examples: Iterable[Example]) -> dict[Part, list[Example]]:
    """Sort examples by part; each part is there, empty or not."""
    parts: dict[Part, list[Example]] = {part: [] for part, _ in _SHARES}
    for example in examples:
        parts[part_of(example.product)].append(example)
    return parts
