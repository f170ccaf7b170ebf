"""Overlays on a photo: of where a question looked, and of what was read."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from vitrine_client.errors import InvalidPhotoError, InvalidRequestError
from vitrine_client.photos import Photo, bytes_from_photo

_FAINTEST = 0.25
"""Share of the photo, 0 to 1, that is left where the question did not look; the rest is grey and dark."""
_DARKEST = 3
"""Factor by which that grey is darker than the photo."""


def overlay_heatmap(photo: Photo, heatmap: NDArray[np.float32]) -> Image.Image:
    """Leave `photo` as it is where `heatmap` is high, grey and dark elsewhere: that shows on a photo of any colour.

    It is drawn upright and, like the model sees it, on white where it is transparent. A file is drawn in its own size,
    an image or array in that in which it is sent.

    Args:
        photo: the one that was asked about.
        heatmap: [grid, grid], of the photo stretched to a square.

    Raises:
        InvalidPhotoError: it cannot be read as a picture.
        InvalidRequestError: there is no heatmap.
    """
    if not heatmap.size:
        raise InvalidRequestError("the answer came without a heatmap: ask with details=True")
    image = upright(photo)
    most = float(heatmap.max())
    kept = 255 * (_FAINTEST + (1 - _FAINTEST) * heatmap / most) if most > 0 else np.full_like(heatmap, 255)
    # Stretching the map to the photo's shape undoes the stretching of the photo to a square.
    smooth = Image.fromarray(kept.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    mask = Image.fromarray(np.asarray(smooth).clip(0, 255).astype(np.uint8))
    dark = image.convert("L").point(lambda value: value // _DARKEST).convert("RGB")
    return Image.composite(image, dark, mask)


def overlay_boxes(photo: Photo, boxes: Sequence[tuple[Sequence[tuple[float, float]], str]]) -> Image.Image:
    """Draw outlines over `photo`, upright, in its own size.

    Args:
        boxes: corners of each, x and y as shares of the photo, and its colour.

    Raises:
        InvalidPhotoError: it cannot be read as a picture.
    """
    image = upright(photo)
    draw = ImageDraw.Draw(image)
    width_px = max(2, round(max(image.size) / 400))
    for corners, colour in boxes:
        points = [(x * image.width, y * image.height) for x, y in corners]
        draw.line([*points, points[0]], fill=colour, width=width_px, joint="curve")
    return image


def upright(photo: Photo, *, most_pixels: int | None = None) -> Image.Image:
    """Decode a photo, upright and on white.

    Args:
        most_pixels: more are refused before they are decoded; None: as Pillow does.

    Raises:
        InvalidPhotoError: it cannot be read as a picture, or has too many pixels.
    """
    encoded = bytes_from_photo(photo)
    try:
        opened = Image.open(io.BytesIO(encoded))
        if most_pixels is not None and opened.width * opened.height > most_pixels:
            raise ValueError("too many pixels")
        return _rgb_on_white(ImageOps.exif_transpose(opened))
    except Exception as error:  # decoders raise OSError, ValueError, SyntaxError and more on broken files
        raise InvalidPhotoError(f"the photo ({len(encoded)} bytes) is no picture that can be drawn on") from error


def _rgb_on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
