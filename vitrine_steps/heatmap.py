"""Shows where in the photo a question looked."""

import numpy as np
from numpy.typing import NDArray


def heatmap_from_attention(
    attention: NDArray[np.float32], grid: int, leading_tokens: int | None
) -> NDArray[np.float32]:
    """Attention over the photo's tokens as a map.

    Args:
        attention: [N] float32: leading tokens, then grid x grid patches, row by row.
        leading_tokens: such as one class token; None: the attention shows no place.

    Returns:
        [grid, grid] float32, summing to 1; all zero if no patch was looked at, or no place is shown.
    """
    if leading_tokens is None:
        return np.zeros((grid, grid), np.float32)
    patches = attention[leading_tokens : leading_tokens + grid * grid].reshape(grid, grid)
    total = float(patches.sum())
    return (patches / total if total > 0 else patches).astype(np.float32)
