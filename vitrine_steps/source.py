"""What an answer was found in: the `SOURCE` of the contract."""

import numpy as np
from numpy.typing import NDArray

PHOTO, PHOTO_AND_CONTEXT = "photo", "photo_and_context"


def source_rows(shape: tuple[int, ...], *, has_context: bool) -> NDArray[np.object_]:
    """SOURCE of every question of a request.

    Args:
        has_context: the caller sent what the shop knows about the product.
    """
    return np.full(shape, (PHOTO_AND_CONTEXT if has_context else PHOTO).encode(), np.object_)
