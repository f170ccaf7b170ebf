"""Shows where in the photo a question looked."""

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.photo.fit import size_in_square
from vitrine_steps.photo.header import size_of_photo
from vitrine_steps.step_settings import FamilySettings


def heatmap_from_attention(
    attention: NDArray[np.float32], grid: int, family: FamilySettings, size: tuple[int, int] | None
) -> NDArray[np.float32]:
    """Attention over the photo's tokens as a map of the photo.

    Args:
        attention: [N] float32: leading tokens, then grid x grid patches, row by row.
        family: says how many leading tokens there are.
        size: of the photo, upright; None: it fills the square.

    Returns:
        [grid, grid] float32, summing to 1; all zero if no patch was looked at, or no place is shown.
    """
    if family.leading_image_tokens is None:
        return np.zeros((grid, grid), np.float32)
    patches = attention[family.leading_image_tokens :][: grid * grid].reshape(grid, grid)
    if size:
        patches = _without_margin(patches, size)
    total = float(patches.sum())
    return (patches / total if total > 0 else patches).astype(np.float32)


def size_in_margin(photo: bytes, family: FamilySettings) -> tuple[int, int] | None:
    """The size of a photo that came into the square with a margin; None: it was stretched to it."""
    return size_of_photo(photo) if family.photo_fit == "pad" else None


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
