"""Draws one product photo from a seed."""

import io
import random
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageFilter

from catalogue.attributes import CATEGORIES, COLOURS, MAX_COUNT, PATTERNS, Attributes
from catalogue.backgrounds import background
from catalogue.paint import RGB, painted_item, pattern_coverage
from catalogue.shapes import material_map
from catalogue.textures import surface

LONG_SIDE_PX = (256, 1600)
_ASPECTS = (1.0, 1.0, 4 / 3, 3 / 4, 3 / 2, 2 / 3)
_MAX_ROTATION_DEG = 18.0
_SUPERSAMPLE_BELOW_PX = 500  # smaller items are painted at twice their size, for smooth edges


@dataclass(frozen=True)
class ProductPhoto:
    seed: int
    attributes: Attributes
    image: Image.Image
    """RGB, upright."""
    mask: Image.Image
    """Mode "L", same size: 255 where the product is."""
    centres_xy: tuple[tuple[float, float], ...]
    """Centre of each item, as shares of the photo's width and height."""
    jpeg_quality: int

    def jpeg_bytes(self) -> bytes:
        """The photo as a shop would upload it."""
        buffer = io.BytesIO()
        self.image.save(buffer, "JPEG", quality=self.jpeg_quality)
        return buffer.getvalue()


def attributes_from_seed(seed: int) -> Attributes:
    """The truth of photo `seed`, without drawing it."""
    return _draw_attributes(random.Random(f"photo {seed}"))


def _draw_attributes(rng: random.Random) -> Attributes:
    return Attributes(
        category=rng.choice(list(CATEGORIES)),
        colour=rng.choice(list(COLOURS)),
        pattern=rng.choice(list(PATTERNS)),
        count=rng.randint(1, MAX_COUNT),
    )


def photo_from_seed(
    seed: int, *, long_side_px: tuple[int, int] = LONG_SIDE_PX, texture: str | None = None
) -> ProductPhoto:
    """Draw photo `seed`.

    Args:
        long_side_px: smallest and largest length of the longer side; the
            lengths between are equally likely on a logarithmic scale.
        texture: what the products' surface looks like, of `textures.py`; all else stays as it is without.
    """
    rng = random.Random(f"photo {seed}")
    attributes = _draw_attributes(rng)
    size_px = _photo_size(rng, long_side_px)
    image = background(rng, size_px, away_from=RGB[attributes.colour])
    mask = Image.new("L", size_px, 0)
    cells = _cells(rng, attributes.count, size_px)
    style = _ItemStyle(
        repeats=rng.uniform(4.0, 6.0),
        phase=rng.random(),
        light_tilt=rng.uniform(-0.16, 0.16),
        shadow_offset=(rng.uniform(-0.05, 0.05), rng.uniform(0.01, 0.06)),
        shadow_strength=rng.uniform(0.1, 0.45),
        scale=rng.uniform(0.7, 0.97),
        base_angle_deg=rng.uniform(-_MAX_ROTATION_DEG, _MAX_ROTATION_DEG) / 2,
        texture=texture,
    )
    for cell in cells:
        _place_item(rng, image, mask, cell, attributes, style)
    width, height = size_px
    return ProductPhoto(
        seed=seed,
        attributes=attributes,
        image=_as_camera_sees(rng, image),
        mask=mask,
        centres_xy=tuple((c.x / width, c.y / height) for c in cells),
        jpeg_quality=rng.randint(55, 95),
    )


@dataclass(frozen=True)
class _Cell:
    """Place of one item: centre and side of its square, in pixels."""

    x: float
    y: float
    side_px: float


@dataclass(frozen=True)
class _ItemStyle:
    """Looks that the items of one photo share."""

    repeats: float
    phase: float
    light_tilt: float
    shadow_offset: tuple[float, float]
    shadow_strength: float
    scale: float
    base_angle_deg: float
    texture: str | None


def _photo_size(rng: random.Random, long_side_px: tuple[int, int]) -> tuple[int, int]:
    low, high = long_side_px
    long_side = round(low * (high / low) ** rng.random())
    aspect = rng.choice(_ASPECTS)
    return (long_side, round(long_side / aspect)) if aspect >= 1 else (round(long_side * aspect), long_side)


def _cells(rng: random.Random, count: int, size_px: tuple[int, int]) -> list[_Cell]:
    """Split the photo into cells for `count` items; no two items can overlap."""
    width, height = size_px
    landscape = width >= height
    columns_rows = {
        1: (1, 1),
        2: (2, 1) if landscape else (1, 2),
        3: ((3, 1) if landscape else (1, 3)) if max(width / height, height / width) > 1.4 else (2, 2),
        4: (2, 2),
    }[count]
    columns, rows = columns_rows
    cell_w, cell_h = width / columns, height / rows
    places = [(c, r) for r in range(rows) for c in range(columns)]
    chosen = sorted(rng.sample(places, count))
    cells = []
    for column, row in chosen:
        side = min(cell_w, cell_h) * 0.94
        slack_x, slack_y = (cell_w - side) / 2, (cell_h - side) / 2
        x = (column + 0.5) * cell_w + rng.uniform(-slack_x, slack_x)
        y = (row + 0.5) * cell_h + rng.uniform(-slack_y, slack_y)
        cells.append(_Cell(x, y, side))
    return cells


def _place_item(
    rng: random.Random,
    image: Image.Image,
    mask: Image.Image,
    cell: _Cell,
    attributes: Attributes,
    style: _ItemStyle,
) -> None:
    angle_deg = style.base_angle_deg + rng.uniform(-_MAX_ROTATION_DEG, _MAX_ROTATION_DEG) / 2
    # The turned square must stay inside the cell: a square turned by 18 degrees is 1.26 times as wide,
    # but no silhouette fills its corners, so 1.12 is enough.
    side_px = max(16, round(cell.side_px * style.scale / 1.12))
    item = _item(attributes, style, side_px).rotate(angle_deg, Image.Resampling.BICUBIC, expand=True)
    left, top = round(cell.x - item.width / 2), round(cell.y - item.height / 2)
    alpha = item.getchannel("A")

    dx, dy = (round(offset * side_px) for offset in style.shadow_offset)
    shadow = Image.new("L", image.size, 0)
    shadow.paste(alpha.point(lambda a: round(a * style.shadow_strength)), (left + dx, top + dy))
    shadow = shadow.filter(ImageFilter.BoxBlur(side_px * 0.03))
    image.paste(Image.new("RGB", image.size, (0, 0, 0)), (0, 0), shadow)

    image.paste(item, (left, top), item)
    placed = Image.new("L", mask.size, 0)
    placed.paste(alpha.point(lambda a: 255 if a >= 128 else 0), (left, top))
    mask.paste(ImageChops.lighter(mask, placed))


def _item(attributes: Attributes, style: _ItemStyle, side_px: int) -> Image.Image:
    paint_px = side_px * 2 if side_px < _SUPERSAMPLE_BELOW_PX else side_px
    parts = material_map(attributes.category, paint_px)
    coverage = pattern_coverage(parts, attributes.pattern, style.repeats, style.phase)
    across = np.linspace(-1, 1, paint_px, dtype=np.float32)
    light = np.broadcast_to(1 + style.light_tilt * across, (paint_px, paint_px))
    shade = surface(paint_px, style.texture, style.phase) if style.texture else None
    item = painted_item(parts, attributes.colour, coverage, light, shade)
    return item.resize((side_px, side_px), Image.Resampling.BOX) if paint_px != side_px else item


def _as_camera_sees(rng: random.Random, image: Image.Image) -> Image.Image:
    """Light, colour temperature and a little blur."""
    gains = [rng.uniform(0.95, 1.05) for _ in range(3)]
    image = Image.merge("RGB", [b.point(lambda v, g=g: v * g) for b, g in zip(image.split(), gains, strict=True)])
    image = ImageEnhance.Brightness(image).enhance(rng.uniform(0.82, 1.12))
    blur_px = rng.choice((0.0, 0.0, rng.uniform(0, 0.004))) * max(image.size)
    return image.filter(ImageFilter.GaussianBlur(blur_px)) if blur_px > 0.2 else image
