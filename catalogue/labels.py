"""Draws a photo of a label from a seed: lines of known text, turned, blurred, faint and compressed as photos are."""

import io
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from catalogue.fonts import NoFontError, chinese_fonts, font_of
from catalogue.label_words import printed_lines

_PAPERS = ((250, 249, 245), (236, 241, 247), (246, 238, 222), (255, 255, 255), (40, 44, 52), (24, 60, 52))
_WIDTH_PX, _MARGIN_PX = (700, 1400), 48
_LINE_PX = (14, 44)


@dataclass(frozen=True)
class LabelLine:
    text: str
    box: list[list[float]]
    """Four corners, x and y as shares of the photo, from the line's own upper left clockwise."""
    facts: tuple[tuple[str, str], ...]
    """Kind and value of each fact that the line holds."""


@dataclass(frozen=True)
class LabelPhoto:
    seed: int
    language: str
    lines: tuple[LabelLine, ...]
    image: Image.Image
    line_px: int
    """Size of the letters."""
    angle_deg: float
    blur_px: float
    contrast: float
    """Difference between ink and paper: 0 to 1."""
    jpeg_quality: int

    def jpeg_bytes(self) -> bytes:
        buffer = io.BytesIO()
        self.image.save(buffer, "JPEG", quality=self.jpeg_quality)
        return buffer.getvalue()


def label_from_seed(seed: int, language: str | None = None) -> LabelPhoto:
    """Draw label `seed`.

    Args:
        language: "zh" or "en"; None: as the seed decides; "en" where no Chinese font is installed.

    Raises:
        NoFontError: Chinese was asked for, and no font for it is installed.
    """
    rng = random.Random(f"label {seed}")
    chosen = rng.choice(("zh", "en"))
    fonts = _fonts(language)
    language = language or (chosen if fonts[0] else "en")
    printed = printed_lines(rng, language)
    line_px = round(rng.uniform(*_LINE_PX))
    width = round(rng.uniform(*_WIDTH_PX))
    font = font_of(rng.choice(fonts), line_px)
    pitch = round(line_px * rng.uniform(1.5, 2.0))
    height = 2 * _MARGIN_PX + pitch * len(printed)
    paper = rng.choice(_PAPERS)
    contrast = rng.uniform(0.2, 1.0)
    ink = tuple(round(side + ((0 if sum(paper) > 384 else 255) - side) * contrast) for side in paper)
    image = Image.new("RGB", (width, height), paper)
    draw = ImageDraw.Draw(image)
    boxes = []
    for number, line in enumerate(printed):
        place = (_MARGIN_PX, _MARGIN_PX + number * pitch)
        draw.text(place, line.text, ink, font)
        boxes.append(draw.textbbox(place, line.text, font))
    angle_deg = rng.choice((0.0, 0.0, rng.uniform(-15, 15)))
    image, corners = _turned(image, boxes, angle_deg, paper)
    blur_px = rng.choice((0.0, rng.uniform(0, line_px / 12)))
    image = _as_camera_sees(rng, image, blur_px)
    size = np.array(image.size)
    return LabelPhoto(
        seed,
        language,
        tuple(
            LabelLine(line.text, (box / size).tolist(), line.facts) for line, box in zip(printed, corners, strict=True)
        ),
        image,
        line_px,
        angle_deg,
        blur_px,
        contrast,
        rng.randint(40, 95),
    )


def _fonts(language: str | None) -> tuple[Path | None, ...]:
    try:
        return chinese_fonts()
    except NoFontError:
        if language == "zh":
            raise
        return (None,)


def _turned(
    image: Image.Image, boxes: list[tuple[float, float, float, float]], angle_deg: float, paper: tuple[int, ...]
) -> tuple[Image.Image, list[NDArray[np.float64]]]:
    """Turn a label against the clock on a larger ground; boxes become corners, [4, 2] in pixels."""
    turned = image.rotate(angle_deg, Image.Resampling.BICUBIC, expand=True, fillcolor=paper)
    angle = np.deg2rad(angle_deg)
    matrix = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle, new_middle = np.array(image.size) / 2, np.array(turned.size) / 2
    corners = []
    for left, top, right, bottom in boxes:
        box = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], float)
        corners.append((box - middle) @ matrix + new_middle)
    return turned, corners


def _as_camera_sees(rng: random.Random, image: Image.Image, blur_px: float) -> Image.Image:
    """Blur, light from one side, noise."""
    if blur_px:
        image = image.filter(ImageFilter.GaussianBlur(blur_px))
    pixels = np.asarray(image, np.float32)
    light = np.linspace(rng.uniform(0.8, 1.0), 1.0, image.width, dtype=np.float32)[None, :, None]
    noise = np.random.default_rng(rng.randrange(2**32)).normal(0, rng.uniform(0, 9), pixels.shape[:2])[:, :, None]
    return Image.fromarray((pixels * light + noise).clip(0, 255).astype(np.uint8))
