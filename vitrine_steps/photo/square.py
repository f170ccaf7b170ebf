"""Makes the small picture in sRGB that a network takes of a whole photo, without a second copy of the photo."""

from typing import Any

import numpy as np
from PIL import Image

from vitrine_steps.photo.colours import Conversion
from vitrine_steps.photo.fit import MARGIN, Fit, size_in_square

_STRIP_PIXELS = 1_000_000
_CLEAR_LEVELS = {"L;2": 85, "L;4": 17}
"""Factors by which Pillow multiplies a grey PNG's values of few bits."""


def rgb_square(
    image: Image.Image, side_px: int, gap: float | None, conversion: Conversion | None, fit: Fit = "stretch"
) -> Image.Image:
    """Resize, then turn into sRGB: large photos are kept in memory in as few bytes a pixel as they came in.

    Args:
        gap: see `photo.DRAFT_RATIO`; None: the resize sees every pixel.
        conversion: of the photo's colours; None: they are sRGB's.
    """
    size = size_in_square(image.size, side_px, fit)
    photo = _rgb_of_size(image, size, gap, conversion)
    if fit != "pad" or size == (side_px, side_px):
        return photo
    square = Image.new("RGB", (side_px, side_px), MARGIN)
    square.paste(photo, ((side_px - size[0]) // 2, (side_px - size[1]) // 2))
    return square


def _rgb_of_size(
    image: Image.Image, size: tuple[int, int], gap: float | None, conversion: Conversion | None
) -> Image.Image:
    """See `rgb_square`; `size` is the photo's in the square."""
    # Alpha is multiplied in before colours are averaged, so clear pixels leave no fringe.
    mode = "RGBa" if image.has_transparency_data else "L" if image.mode[0] in "LI" else "RGB"
    if conversion and conversion.mode == "CMYK":
        mode = "CMYK"
    across, down = (max(1, int(side / small / gap)) if gap else 1 for side, small in zip(image.size, size, strict=True))
    if image.mode != mode:
        small = _reduced_in_strips(image, mode, across, down)
    else:
        small = image if across == down == 1 else image.reduce((across, down))  # it would copy the photo
    box = (0.0, 0.0, image.width / across, image.height / down)
    square = small.resize(size, Image.Resampling.BICUBIC, box)
    if mode != "RGBa":
        converted = conversion.apply(square) if conversion else square
        return converted if converted.mode == "RGB" else converted.convert("RGB")
    seen = square.convert("RGBA")
    if conversion:
        converted = conversion.apply(seen.convert("RGB"))
        converted.putalpha(seen.getchannel("A"))
        seen = converted
    return Image.alpha_composite(Image.new("RGBA", size, "white"), seen).convert("RGB")


def mend_clear_colour(image: Image.Image) -> None:
    """Give a PNG's one transparent colour in the values that its pixels have here.

    A PNG writes it in the file's own bits. Pillow brings grey of two and four
    bits to eight, and colours of sixteen bits down to eight, where the low
    ones are lost: all colours with the same high ones are transparent then.
    """
    clear = image.info.get("transparency")
    rawmode = image.tile[0].args if image.format == "PNG" and image.tile else None  # type: ignore[attr-defined]
    if isinstance(clear, tuple):
        image.info["transparency"] = tuple(value >> 8 if rawmode == "RGB;16B" else value & 0xFF for value in clear)
    elif isinstance(clear, int) and rawmode in _CLEAR_LEVELS:
        scale = _CLEAR_LEVELS[rawmode]
        image.info["transparency"] = clear % (255 // scale + 1) * scale


def _reduced_in_strips(image: Image.Image, mode: str, across: int, down: int) -> Image.Image:
    """Convert and reduce by whole factors, a strip at a time: the photo is never there twice."""
    image.load()
    width, height = image.size
    rows = down * max(1, _STRIP_PIXELS // (width * down))
    small = Image.new(mode, (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        if strip.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip it, not scale it
            strip = _in_eight_bits(np.asarray(strip), image.info.get("transparency"))
        if mode == "RGBa":
            strip = strip.convert("RGBA")
        small.paste(strip.convert(mode).reduce((across, down)), (0, top // down))
    return small


def _in_eight_bits(grey_hw_u16: Any, clear: int | None) -> Image.Image:
    """Bring a grey picture of 16 bits a pixel to 8, with transparency where a value is transparent.

    Args:
        clear: the one value that is transparent, in 16 bits; None: there is none.
    """
    grey = Image.fromarray((grey_hw_u16 >> 8).astype(np.uint8))
    if clear is None:
        return grey
    return Image.merge("LA", (grey, Image.fromarray(np.where(grey_hw_u16 == clear, 0, 255).astype(np.uint8))))
