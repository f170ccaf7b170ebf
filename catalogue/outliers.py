"""Pictures that show no product: what a model must be unsure about."""

import random

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

_SIDE_PX = 160
_MUTED = (128, 128, 128)


def outlier_from_seed(seed: int) -> Image.Image:
    """Draw outlier `seed`: blank, noise, clouds, or heaps of overlapping shapes.

    Clouds (noise whose amplitude falls with frequency) and heaps ("dead
    leaves") share with camera photos how contrast is spread over scales and
    edges, so a model that has seen them is not surprised by real photos alone.

    Returns:
        RGB, 160 px square.
    """
    rng = random.Random(f"outlier {seed}")
    pixels = np.random.default_rng(rng.getrandbits(63))
    match rng.choice(("blank", "noise", "clouds", "clouds", "heap", "heap", "heap", "heap")):
        case "blank":
            rgb = np.zeros((_SIDE_PX, _SIDE_PX, 3)) + pixels.uniform(0, 255, 3)
        case "noise":
            rgb = pixels.uniform(0, 255, (_SIDE_PX, _SIDE_PX, rng.choice((1, 3)))) + np.zeros(3)
        case "clouds":
            rgb = _clouds(rng, pixels)
        case _:
            rgb = _heap(rng, pixels)
    if rng.random() < 0.3:
        rgb = rgb.mean(axis=2, keepdims=True) + np.zeros(3)
    return Image.fromarray(rgb.clip(0, 255).astype(np.uint8), "RGB")


def _clouds(rng: random.Random, pixels: np.random.Generator) -> NDArray[np.float64]:
    """Noise with an amplitude of 1/frequency^slope, in colours of its own; [side, side, 3], about 0 to 255."""
    frequency = np.hypot(np.fft.fftfreq(_SIDE_PX)[:, None], np.fft.fftfreq(_SIDE_PX)[None, :])
    amplitude = np.maximum(frequency, 1 / _SIDE_PX) ** -rng.uniform(0.7, 1.8)
    white = pixels.normal(size=(3, _SIDE_PX, _SIDE_PX))
    shaped = np.fft.ifft2(np.fft.fft2(white) * amplitude).real
    shaped /= shaped.std(axis=(1, 2), keepdims=True)
    mixed = np.einsum("ij,jyx->yxi", np.eye(3) * 0.3 + rng.uniform(0.3, 0.8), shaped)
    shaded: NDArray[np.float64] = pixels.uniform(50, 205, 3) + mixed * rng.uniform(15, 60)
    return shaded


def _heap(rng: random.Random, pixels: np.random.Generator) -> NDArray[np.float64]:
    """Shapes of all sizes over each other, small ones far more often, textured; [side, side, 3], about 0 to 255."""
    image = Image.new("RGB", (_SIDE_PX, _SIDE_PX), _MUTED)
    draw = ImageDraw.Draw(image)
    palette = pixels.uniform(0, 255, (rng.randint(2, 8), 3))
    for _ in range(rng.choice((6, 20, 60, 200))):
        radius = min(_SIDE_PX, 4 / max(rng.random(), 0.02))  # area falls with the third power, as in nature
        x, y = rng.uniform(0, _SIDE_PX), rng.uniform(0, _SIDE_PX)
        colour = tuple(int(v) for v in (palette[rng.randrange(len(palette))] + pixels.normal(0, 25, 3)).clip(0, 255))
        if rng.random() < 0.5:
            half_height = radius * rng.uniform(0.3, 1)
            draw.ellipse((x - radius, y - half_height, x + radius, y + half_height), fill=colour)
        else:
            draw.regular_polygon((x, y, radius), rng.randint(3, 6), rng.uniform(0, 360), fill=colour)
    texture = _clouds(rng, pixels)
    textured: NDArray[np.float64] = np.asarray(image, np.float64) + (texture - texture.mean()) * rng.uniform(0, 0.6)
    return textured
