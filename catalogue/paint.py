"""Colours and patterns: from a map of materials to a coloured item."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalogue.shapes import BODY, HOLE, INK, TRIM

RGB: dict[str, tuple[int, int, int]] = {
    "red": (205, 30, 40),
    "orange": (245, 130, 25),
    "yellow": (245, 215, 45),
    "green": (45, 150, 60),
    "cyan": (70, 205, 215),
    "blue": (35, 75, 190),
    "purple": (125, 50, 165),
    "pink": (245, 150, 190),
    "brown": (115, 68, 35),
    "black": (28, 28, 32),
    "white": (246, 246, 244),
    "grey": (135, 136, 140),
}

# The pattern's second colour is lighter, but for white: dark on white.
_SECOND_ON_WHITE = (95, 95, 105)
_SECOND_LIGHTEN = 0.68


def second_rgb(colour: str) -> tuple[int, int, int]:
    """The colour that a pattern is printed in on a product of `colour`."""
    if colour == "white":
        return _SECOND_ON_WHITE
    red, green, blue = (round(c + (255 - c) * _SECOND_LIGHTEN) for c in RGB[colour])
    return red, green, blue


def pattern_coverage(materials: Image.Image, pattern: str, repeats: float, phase: float) -> NDArray[np.float32]:
    """Share of the second colour that shows: [side, side] float32, 0 to 1.

    Args:
        materials: mode "L", [side, side], of `shapes.material_map`.
        repeats: periods of the pattern across the item.
        phase: shift of the pattern, in periods, 0 to 1.
    """
    side_px = materials.width
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32) / side_px
    u, v = (x * repeats + phase) % 1, (y * repeats + phase) % 1
    share: NDArray[Any]
    match pattern:
        case "plain":
            share = np.zeros_like(x)
        case "striped":
            share = v < 0.42
        case "dotted":
            share = (u - 0.5) ** 2 + (v - 0.5) ** 2 < 0.29**2
        case "checked":
            share = 0.5 * ((u < 0.36).astype(np.float32) + (v < 0.36))
        case "two-tone":
            body_rows = np.flatnonzero((np.asarray(materials) == BODY).any(axis=1))
            share = y > body_rows.mean() / side_px
        case _:
            raise ValueError(f"unknown pattern {pattern!r}")
    return share.astype(np.float32)


def painted_item(
    materials: Image.Image,
    colour: str,
    coverage: NDArray[np.float32],
    light: NDArray[np.float32],
    shade: NDArray[np.float32] | None = None,
) -> Image.Image:
    """Colour a map of materials.

    Args:
        materials: mode "L", one material a pixel, of `shapes.material_map`.
        coverage: [side, side], share of the second colour on the body.
        light: [side, side], brightness factor.
        shade: [side, side], -1 (black) to 1 (white), of `textures.surface`; None: flat paint.

    Returns:
        Mode "RGBA", same size. Clear pixels carry the body's colour, so that
        resizing draws no dark fringe.
    """
    kind = np.asarray(materials)
    base = np.array(RGB[colour], np.float32)
    second = np.array(second_rgb(colour), np.float32)
    dark = colour == "black"
    trim = base + 45 if dark else base * 0.66
    ink = np.array((120, 120, 125) if dark else (35, 35, 40), np.float32)

    share = coverage[..., None] * (kind == BODY)[..., None]
    rgb = base + (second - base) * share
    rgb = np.where((kind == TRIM)[..., None], trim, rgb)
    rgb = np.where((kind == INK)[..., None], ink, rgb) * light[..., None]
    if shade is not None:
        towards = shade[..., None]
        rgb = rgb + np.where(towards > 0, 255 - rgb, rgb) * towards
    alpha = np.where(kind == HOLE, 0, 255)[..., None]
    return Image.fromarray(np.concatenate([rgb.clip(0, 255), alpha], axis=2).astype(np.uint8), "RGBA")
