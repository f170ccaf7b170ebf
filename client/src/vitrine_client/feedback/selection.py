"""Which questions to label first: those that teach the model most."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vitrine_client.feedback.table import Item

_SAME_PHOTO = 0.999
"""Cosine from which on two photos are taken for one."""


def label_first(items: Sequence[Item], count: int) -> list[Item]:
    """Choose questions for people: where the model is least sure, and photos are unlike those chosen before.

    One question about two photos that are nearly one is chosen once. Vectors are compared within a release; a photo
    without one is unlike all others.

    Args:
        items: open questions.
    """
    doubt = np.array([_doubt(item) for item in items])
    distance, is_left = np.ones(len(items)), np.ones(len(items), bool)
    photos, questions = _photos_of(items), np.array([item.question for item in items])
    chosen: list[Item] = []
    while len(chosen) < count and is_left.any():
        best = int(np.where(is_left, doubt * (0.01 + distance), -1.0).argmax())
        chosen.append(items[best])
        likeness = photos.likeness(best)
        distance = np.minimum(distance, 1.0 - likeness)
        is_left &= (likeness < _SAME_PHOTO) | (questions != questions[best])
        is_left[best] = False
    return chosen


def _doubt(item: Item) -> float:
    """From 0, sure, to 1; what people called wrong is doubtful, and what is asked often counts more."""
    sure = item.confidence if item.confidence is not None and item.status != "answered" else 0.0
    return float(max(1.0 - sure, 1e-3) * (1 + np.log1p(item.times - 1) / 4))


@dataclass(frozen=True)
class _Photos:
    """Photos of questions, to be compared."""

    digests: NDArray[np.str_]
    kinds: NDArray[np.str_]
    """Release and length of the vector: others cannot be compared."""
    units: NDArray[np.float32]
    """[N, E], vectors of length 1; 0 where there is none."""

    def likeness(self, one: int) -> NDArray[np.float32]:
        """Cosines to one photo, 0 to 1; of the same photo 1, and 0 where they cannot be compared."""
        cosines = (self.units @ self.units[one]).clip(0.0, 1.0) * (self.kinds == self.kinds[one])
        return np.where(self.digests == self.digests[one], np.float32(1.0), cosines)


def _photos_of(items: Sequence[Item]) -> _Photos:
    vectors = [np.zeros(0, np.float32) if item.vector is None else item.vector for item in items]
    units = np.zeros((len(items), max((len(vector) for vector in vectors), default=0)), np.float32)
    for row, vector in zip(units, vectors, strict=True):
        row[: len(vector)] = vector / max(float(np.linalg.norm(vector)), 1e-12)
    kinds = [f"{item.release} {len(vector)}" for item, vector in zip(items, vectors, strict=True)]
    return _Photos(np.array([item.photo_sha256 for item in items]), np.array(kinds), units)
