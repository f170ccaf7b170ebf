"""Silhouettes of the categories, as data.

Each shape is a list of parts, painted one over the other on a unit square
(x to the right, y down). A part paints one material: BODY takes the product's
colour and pattern, TRIM a darker shade of it, INK a thin dark line; HOLE
takes paint away.
"""

from dataclasses import dataclass
from typing import Literal

from PIL import Image, ImageDraw

HOLE, BODY, TRIM, INK = 0, 1, 2, 3

Form = Literal["polygon", "ellipse", "box", "line", "arc"]


@dataclass(frozen=True)
class Part:
    form: Form
    material: int
    points: tuple[float, ...]
    """x, y pairs; an ellipse, a box and an arc take the two corners of their frame."""
    size: float = 0.0
    """Line width or corner radius, as a share of the square's side."""
    angles_deg: tuple[float, float] = (0.0, 360.0)


def _poly(material: int, *points: float) -> Part:
    return Part("polygon", material, points)


def _oval(material: int, *frame: float) -> Part:
    return Part("ellipse", material, frame)


def _box(material: int, *frame: float, radius: float = 0.0) -> Part:
    return Part("box", material, frame, radius)


def _line(material: int, width: float, *points: float) -> Part:
    return Part("line", material, points, width)


def _arc(material: int, width: float, start: float, end: float, *frame: float) -> Part:
    return Part("arc", material, frame, width, (start, end))


# A part a line.
# fmt: off
SHAPES: dict[str, tuple[Part, ...]] = {
    "mug": (
        _arc(TRIM, 0.08, -90, 90, 0.52, 0.28, 0.98, 0.76),
        _box(BODY, 0.08, 0.12, 0.74, 0.9, radius=0.06),
        _oval(TRIM, 0.08, 0.06, 0.74, 0.2),
    ),
    "bottle": (
        _box(TRIM, 0.41, 0.0, 0.59, 0.1, radius=0.02),
        _box(BODY, 0.43, 0.1, 0.57, 0.32),
        _poly(BODY, 0.43, 0.28, 0.57, 0.28, 0.7, 0.44, 0.3, 0.44),
        _box(BODY, 0.3, 0.42, 0.7, 1.0, radius=0.05),
    ),
    "t-shirt": (
        _poly(
            BODY, 0.3, 0.08, 0.7, 0.08, 1.0, 0.3, 0.88, 0.46, 0.76, 0.38, 0.76, 0.94,
            0.24, 0.94, 0.24, 0.38, 0.12, 0.46, 0.0, 0.3,
        ),
        _oval(HOLE, 0.38, -0.04, 0.62, 0.18),
    ),
    "trousers": (
        _poly(BODY, 0.22, 0.02, 0.78, 0.02, 0.88, 1.0, 0.6, 1.0, 0.5, 0.36, 0.4, 1.0, 0.12, 1.0),
        _box(TRIM, 0.22, 0.02, 0.78, 0.1),
    ),
    "dress": (
        _line(TRIM, 0.04, 0.38, 0.0, 0.38, 0.14),
        _line(TRIM, 0.04, 0.62, 0.0, 0.62, 0.14),
        _poly(BODY, 0.32, 0.1, 0.68, 0.1, 0.62, 0.4, 0.95, 0.98, 0.05, 0.98, 0.38, 0.4),
        _box(TRIM, 0.37, 0.37, 0.63, 0.43),
    ),
    "shoe": (
        _poly(BODY, 0.04, 0.34, 0.3, 0.3, 0.56, 0.5, 0.86, 0.56, 0.98, 0.68, 0.98, 0.76, 0.04, 0.76),
        _box(TRIM, 0.02, 0.74, 0.99, 0.84, radius=0.04),
        _line(INK, 0.025, 0.4, 0.5, 0.5, 0.4),
        _line(INK, 0.025, 0.5, 0.56, 0.6, 0.46),
    ),
    "boot": (
        _poly(BODY, 0.18, 0.02, 0.58, 0.02, 0.58, 0.56, 0.9, 0.66, 0.94, 0.88, 0.18, 0.88),
        _box(TRIM, 0.16, 0.86, 0.96, 0.94),
        _box(TRIM, 0.16, 0.86, 0.38, 1.0),
        _box(TRIM, 0.16, 0.0, 0.6, 0.08),
    ),
    "sock": (
        _poly(BODY, 0.3, 0.14, 0.64, 0.14, 0.64, 0.56, 0.5, 0.66, 0.3, 0.56),
        _oval(BODY, 0.26, 0.48, 0.64, 0.86),
        _poly(BODY, 0.34, 0.54, 0.6, 0.84, 0.3, 0.98, 0.1, 0.92),
        _oval(TRIM, 0.04, 0.74, 0.3, 1.0),
        _box(TRIM, 0.28, 0.0, 0.66, 0.16, radius=0.03),
    ),
    "hat": (
        _oval(TRIM, 0.0, 0.58, 1.0, 0.84),
        _poly(BODY, 0.28, 0.2, 0.72, 0.2, 0.8, 0.68, 0.2, 0.68),
        _oval(BODY, 0.28, 0.1, 0.72, 0.34),
        _poly(INK, 0.215, 0.58, 0.785, 0.58, 0.8, 0.68, 0.2, 0.68),
    ),
    "handbag": (
        _arc(TRIM, 0.06, 180, 360, 0.28, 0.04, 0.72, 0.72),
        _poly(BODY, 0.12, 0.38, 0.88, 0.38, 1.0, 0.96, 0.0, 0.96),
        _box(INK, 0.44, 0.38, 0.56, 0.5),
    ),
    "backpack": (
        _arc(TRIM, 0.05, 180, 360, 0.38, 0.0, 0.62, 0.24),
        _box(BODY, 0.16, 0.1, 0.84, 0.98, radius=0.22),
        _box(TRIM, 0.04, 0.44, 0.16, 0.88, radius=0.05),
        _box(TRIM, 0.84, 0.44, 0.96, 0.88, radius=0.05),
        _line(INK, 0.03, 0.28, 0.6, 0.72, 0.6),
        _line(INK, 0.03, 0.28, 0.6, 0.28, 0.86, 0.72, 0.86, 0.72, 0.6),
    ),
    "umbrella": (
        _line(INK, 0.045, 0.5, 0.0, 0.5, 0.9),
        _arc(INK, 0.045, 0, 180, 0.34, 0.8, 0.545, 1.0),
        _poly(BODY, 0.5, 0.06, 0.5, 0.06, 0.8, 0.18, 1.0, 0.5, 0.0, 0.5, 0.2, 0.18),
        _oval(HOLE, 0.0, 0.43, 0.333, 0.58),
        _oval(HOLE, 0.667, 0.43, 1.0, 0.58),
        _oval(HOLE, 0.333, 0.43, 0.477, 0.58),
        _oval(HOLE, 0.523, 0.43, 0.667, 0.58),
    ),
    "chair": (
        _box(BODY, 0.2, 0.0, 0.42, 0.62, radius=0.03),
        _box(BODY, 0.2, 0.48, 0.86, 0.66, radius=0.03),
        _line(TRIM, 0.07, 0.25, 0.64, 0.22, 1.0),
        _line(TRIM, 0.07, 0.8, 0.64, 0.84, 1.0),
    ),
    "lamp": (
        _poly(BODY, 0.34, 0.02, 0.66, 0.02, 0.88, 0.5, 0.12, 0.5),
        _line(TRIM, 0.06, 0.5, 0.5, 0.5, 0.92),
        _oval(TRIM, 0.26, 0.86, 0.74, 1.0),
    ),
    "clock": (
        _line(TRIM, 0.07, 0.26, 0.84, 0.16, 0.98),
        _line(TRIM, 0.07, 0.74, 0.84, 0.84, 0.98),
        _oval(TRIM, 0.08, 0.0, 0.42, 0.3),
        _oval(TRIM, 0.58, 0.0, 0.92, 0.3),
        _oval(BODY, 0.1, 0.12, 0.9, 0.92),
        _line(INK, 0.05, 0.5, 0.26, 0.5, 0.53, 0.68, 0.62),
    ),
    "phone": (
        _box(BODY, 0.26, 0.0, 0.74, 1.0, radius=0.09),
        _box(TRIM, 0.31, 0.05, 0.51, 0.25, radius=0.04),
        _oval(INK, 0.335, 0.075, 0.405, 0.145),
        _oval(INK, 0.415, 0.155, 0.485, 0.225),
    ),
    "watch": (
        _poly(TRIM, 0.38, 0.0, 0.62, 0.0, 0.68, 0.3, 0.32, 0.3),
        _poly(TRIM, 0.38, 1.0, 0.62, 1.0, 0.68, 0.7, 0.32, 0.7),
        _box(INK, 0.78, 0.46, 0.86, 0.54),
        _oval(BODY, 0.2, 0.2, 0.8, 0.8),
        _line(INK, 0.04, 0.5, 0.32, 0.5, 0.5, 0.62, 0.56),
    ),
    "glasses": (
        _line(TRIM, 0.05, 0.02, 0.38, 0.12, 0.38),
        _line(TRIM, 0.05, 0.88, 0.38, 0.98, 0.38),
        _arc(TRIM, 0.05, 180, 360, 0.42, 0.36, 0.58, 0.58),
        _box(BODY, 0.04, 0.34, 0.46, 0.7, radius=0.14),
        _box(BODY, 0.54, 0.34, 0.96, 0.7, radius=0.14),
    ),
    "ball": (
        _oval(BODY, 0.05, 0.05, 0.95, 0.95),
        _arc(INK, 0.03, -60, 60, -0.5, 0.1, 0.3, 0.9),
        _arc(INK, 0.03, 120, 240, 0.7, 0.1, 1.5, 0.9),
    ),
    "book": (
        _poly(TRIM, 0.14, 0.04, 0.22, 0.0, 0.22, 0.94, 0.14, 0.98),
        _poly(INK, 0.22, 0.94, 0.14, 0.99, 0.8, 0.99, 0.88, 0.94),
        _box(BODY, 0.22, 0.0, 0.88, 0.94),
        _box(INK, 0.34, 0.14, 0.76, 0.19),
        _box(INK, 0.4, 0.25, 0.7, 0.3),
    ),
    "vase": (
        _box(TRIM, 0.3, 0.0, 0.7, 0.07, radius=0.02),
        _poly(BODY, 0.33, 0.06, 0.67, 0.06, 0.6, 0.26, 0.4, 0.26),
        _oval(BODY, 0.14, 0.2, 0.86, 0.84),
        _poly(BODY, 0.3, 0.76, 0.7, 0.76, 0.66, 1.0, 0.34, 1.0),
    ),
    "kettle": (
        _arc(INK, 0.06, 180, 360, 0.2, 0.0, 0.74, 0.6),
        _poly(TRIM, 0.7, 0.58, 0.96, 0.34, 1.0, 0.42, 0.78, 0.78),
        _poly(BODY, 0.26, 0.36, 0.66, 0.36, 0.86, 0.94, 0.06, 0.94),
        _oval(INK, 0.41, 0.27, 0.51, 0.38),
    ),
    "sofa": (
        _box(BODY, 0.1, 0.2, 0.9, 0.66, radius=0.06),
        _box(TRIM, 0.0, 0.4, 0.16, 0.84, radius=0.05),
        _box(TRIM, 0.84, 0.4, 1.0, 0.84, radius=0.05),
        _box(BODY, 0.14, 0.56, 0.86, 0.84),
        _line(INK, 0.025, 0.14, 0.57, 0.86, 0.57),
        _line(INK, 0.025, 0.5, 0.57, 0.5, 0.84),
        _box(INK, 0.06, 0.84, 0.14, 0.92),
        _box(INK, 0.86, 0.84, 0.94, 0.92),
    ),
    "guitar": (
        _box(TRIM, 0.45, 0.04, 0.55, 0.5),
        _box(INK, 0.42, 0.0, 0.58, 0.12, radius=0.02),
        _oval(BODY, 0.3, 0.36, 0.7, 0.7),
        _oval(BODY, 0.22, 0.54, 0.78, 1.0),
        _oval(INK, 0.42, 0.54, 0.58, 0.7),
        _box(INK, 0.4, 0.84, 0.6, 0.88),
    ),
}
# fmt: on


def material_map(category: str, side_px: int) -> Image.Image:
    """Paint the shape of `category`: mode "L", [side_px, side_px], one material a pixel."""
    canvas = Image.new("L", (side_px, side_px), HOLE)
    draw = ImageDraw.Draw(canvas)
    for part in SHAPES[category]:
        _paint(draw, part, side_px)
    return canvas


def _paint(draw: ImageDraw.ImageDraw, part: Part, side_px: int) -> None:
    points = [value * (side_px - 1) for value in part.points]
    size_px = max(1, round(part.size * side_px))
    match part.form:
        case "polygon":
            draw.polygon(points, fill=part.material)
        case "ellipse":
            draw.ellipse(points, fill=part.material)
        case "box":
            draw.rounded_rectangle(points, radius=part.size * side_px, fill=part.material)
        case "line":
            draw.line(points, fill=part.material, width=size_px, joint="curve")
        case "arc":
            draw.arc(points, *part.angles_deg, fill=part.material, width=size_px)
