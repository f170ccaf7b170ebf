"""Backgrounds behind the products: walls, floors, cloth and wood in muted colours."""

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image

_MIN_CONTRAST = 90.0  # RGB distance between background and product below which a shopper would squint too


def background(rng: random.Random, size_px: tuple[int, int], away_from: tuple[int, int, int]) -> Image.Image:
    """Draw a background, RGB, `size_px` = (width, height), that contrasts with `away_from`."""
    near, far = _muted_rgb(rng, away_from), _muted_rgb(rng, away_from)
    style = rng.choice(("plain", "gradient", "floor", "wood", "cloth"))
    width, height = size_px
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :, None]
    match style:
        case "plain":
            rgb = near + np.zeros((height, width, 1), np.float32)
        case "gradient":
            rgb = near + (far - near) * (x * rng.random() + y * rng.random()) / 2
        case "floor":
            rgb = np.where(y < rng.uniform(0.45, 0.75), near, far) + 0 * x
        case "wood":
            grain = np.sin((y * rng.uniform(6, 14) + 0.15 * np.sin(x * rng.uniform(5, 12))) * 2 * np.pi)
            rgb = near + grain * rng.uniform(3, 9)
        case _:
            weave = np.sin(x * rng.uniform(80, 200)) * np.sin(y * rng.uniform(80, 200))
            rgb = near + weave * rng.uniform(3, 8)
    noise = np.random.default_rng(rng.getrandbits(63)).normal(0, rng.uniform(0, 4), (height, width, 1))
    return Image.fromarray((rgb + noise).clip(0, 255).astype(np.uint8), "RGB")


def _muted_rgb(rng: random.Random, away_from: tuple[int, int, int]) -> NDArray[np.float32]:
    """Draw a muted colour at least `_MIN_CONTRAST` from `away_from`."""
    while True:
        grey = rng.uniform(60, 245)
        rgb = np.array([grey + rng.uniform(-22, 22) for _ in range(3)], np.float32).clip(0, 255)
        if float(np.linalg.norm(rgb - np.array(away_from, np.float32))) >= _MIN_CONTRAST:
            return rgb
