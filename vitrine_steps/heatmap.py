"""Shows where in the photo a question looked."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrine_steps.photo.fit import size_in_square
from vitrine_steps.step_settings import FamilySettings

_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)
"""EXIF orientations whose width is the upright photo's height."""


def heatmap_from_attention(
    attention: NDArray[np.float32], grid: int, family: FamilySettings, photo: bytes
) -> NDArray[np.float32]:
    """Attention over the photo's tokens as a map of the photo.

    Args:
        attention: [N] float32: leading tokens, then grid x grid patches, row by row.
        family: says how many leading tokens there are, and how the photo came into the square.
        photo: encoded; its shape matters where it has a margin.

    Returns:
        [grid, grid] float32, summing to 1; all zero if no patch was looked at, or no place is shown.
    """
    if family.leading_image_tokens is None:
        return np.zeros((grid, grid), np.float32)
    patches = attention[family.leading_image_tokens :][: grid * grid].reshape(grid, grid)
    if family.photo_fit == "pad":
        patches = _without_margin(patches, size_of_photo(photo))
    total = float(patches.sum())
    return (patches / total if total > 0 else patches).astype(np.float32)


def size_of_photo(photo: bytes) -> tuple[int, int]:
    """Read width and height of a photo, upright, off its header: it has been decoded before."""
    with Image.open(io.BytesIO(photo)) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(_ORIENTATION) in _LYING else (width, height)


def _without_margin(patches: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    """Stretch the part of the square that the photo takes to the whole map, by nearest patches."""
    grid = len(patches)
    fine = 1000 * grid
    rows, columns = (
        ((fine - length) / 2 + (np.arange(grid) + 0.5) / grid * length) // 1000
        for length in reversed(size_in_square(size, fine, "pad"))
    )
    found: NDArray[np.float32] = patches[rows.astype(int)][:, columns.astype(int)]
    return found
