"""Which questions to label first: those that teach the model most."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vitrine_client.feedback.table import Item

_SAME_PHOTO = 0.999
"""Cosine from which on two photos are taken for one."""


def label_first(items: Sequence[Item], count: int) -> list[Item]:
    """Choose questions for people: where the model is least sure, and photos are unlike those chosen before.

    A question about two photos that are nearly one is chosen once.

    Args:
        items: open questions; without a photo's vector, its digest alone tells photos apart.
    """
    doubt = np.array([_doubt(item) for item in items])
    distance = np.ones(len(items))
    chosen: list[int] = []
    vectors = _unit_vectors(items)
    while len(chosen) < min(count, len(items)):
        worth = doubt * distance
        worth[chosen] = -1.0
        best = int(worth.argmax())
        if worth[best] < 0:
            break
        chosen.append(best)
        if vectors is not None:
            likeness = vectors @ vectors[best]
            distance = np.minimum(distance, 1 - likeness)
            same = [n for n in np.flatnonzero(likeness >= _SAME_PHOTO) if items[n].question == items[best].question]
            distance[[n for n in same if n != best]] = -1.0
    return [items[number] for number in chosen]


def _doubt(item: Item) -> float:
    """From 0, sure, to 1; what was asked often counts more."""
    unsure = 1.0 - (item.confidence if item.confidence is not None else 0.0)
    return float(max(unsure, 1e-3) * (1 + np.log1p(item.times - 1) / 4))


def _unit_vectors(items: Sequence[Item]) -> NDArray[np.float32] | None:
    if not items or any(item.vector is None for item in items):
        return None
    rows = np.stack([item.vector for item in items if item.vector is not None])
    unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
