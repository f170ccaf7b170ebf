"""Photos taken by a camera, from packages that carry them."""

from functools import cache
from typing import Any

import numpy as np
import skimage.data
from sklearn.datasets import load_sample_images


@cache
def camera_photos() -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    """uint8, [height, width] grey or [height, width, 3] RGB, in their own sizes."""
    china, flower = load_sample_images().images
    return {
        "astronaut": skimage.data.astronaut(),
        "coffee": skimage.data.coffee(),
        "cat": skimage.data.chelsea(),
        "camera, grey": skimage.data.camera(),
        "rocket": skimage.data.rocket(),
        "temple": china,
        "flower": flower,
    }
