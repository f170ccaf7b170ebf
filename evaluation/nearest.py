"""Nearness of photos: by their vectors, or by the plainest vector that there is, the histogram of their colours."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo

_LEVELS = 8
"""Levels of each colour in a histogram."""
_SIDE_PX = 128


def colour_histogram(photo: bytes) -> NDArray[np.float32]:
    """Count an encoded photo's colours, 8 levels of each of red, green and blue: [512], L2 norm 1."""
    level_hwc = pixels_from_photo(photo, side_px=_SIDE_PX, limits=PhotoLimits()).astype(np.int64) * _LEVELS // 256
    colours = level_hwc.reshape(-1, 3) @ np.array([_LEVELS**2, _LEVELS, 1])
    counts = np.bincount(colours, minlength=_LEVELS**3).astype(np.float32)
    return counts / np.linalg.norm(counts)


def same_among_nearest(vectors: NDArray[np.float32], classes: Sequence[Hashable], most: int) -> float:
    """Compute how many of the nearest photos are of a photo's own class, over all photos.

    Args:
        vectors: [N, E], L2 norm 1.
        classes: of each photo.
        most: nearest photos that count; of a class that has no more others, as many as it has.

    Returns:
        Share from 0 to 1; NaN where no class has two photos.
    """
    there, right, possible = Counter(classes), 0, 0
    for number, own in enumerate(classes):
        cosines = vectors @ vectors[number]
        cosines[number] = -np.inf
        limit = min(most, there[own] - 1)
        possible += limit
        right += sum(classes[other] == own for other in np.argsort(-cosines, kind="stable")[:limit])
    return right / possible if possible else math.nan


def same_by_chance(classes: Sequence[Hashable], most: int) -> float:
    """Compute what `same_among_nearest` would be of vectors that say nothing."""
    there, others = Counter(classes), len(classes) - 1
    right = sum(count * min(most, count - 1) * (count - 1) / others for count in there.values())
    possible = sum(count * min(most, count - 1) for count in there.values())
    return right / possible if possible else math.nan


def found_among_first(
    queries: NDArray[np.float32], numbers: Sequence[int], vectors: NDArray[np.float32], most: int
) -> float:
    """Compute how many of the queries have the photo that they are of among the nearest `most`.

    Args:
        queries: [Q, E]; numbers: of each query, the row of its photo.
        vectors: [N, E] of the photos.
    """
    nearest = np.argsort(-(queries @ vectors.T), axis=1, kind="stable")[:, :most]
    return float((nearest == np.array(numbers)[:, None]).any(1).mean())
