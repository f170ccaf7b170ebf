"""Shows where in the photo a question looked."""

import numpy as np
from numpy.typing import NDArray


def heatmap_from_attention(attention: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Attention over the photo's tokens as a map.

    Args:
        attention: [N] float32, the class token first, then grid x grid patches, row by row.

    Returns:
        [grid, grid] float32, summing to 1; all zero if no patch was looked at.
    """
    patches = attention[1 : 1 + grid * grid].reshape(grid, grid)
    total = float(patches.sum())
    return (patches / total if total > 0 else patches).astype(np.float32)
