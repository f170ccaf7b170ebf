"""How a photo comes into the square that a network takes: stretched to it, or whole, with or without a margin."""

from typing import Literal

Fit = Literal["stretch", "pad", "inside"]
""""stretch": to the whole square. "pad": as large as it fits without distortion, in the middle of a grey square.
"inside": without distortion, shrunk where it does not fit, and nothing around it."""
MARGIN = (128, 128, 128)
"""Colour around a photo: what most encoders normalise to 0."""


def size_in_square(size: tuple[int, int], side_px: int, fit: Fit) -> tuple[int, int]:
    """Find how large a photo is in the square.

    Args:
        size: of the photo, upright: width and height in pixels.
        side_px: of the square.

    Returns:
        Width and height in pixels, 1 or more.
    """
    if fit == "stretch":
        return side_px, side_px
    scale = side_px / max(size)
    if fit == "inside":
        scale = min(scale, 1.0)
    width, height = (max(1, round(side * scale)) for side in size)
    return width, height
