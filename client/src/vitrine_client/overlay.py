"""Overlay of where a question looked on its photo."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vitrine_client.errors import InvalidPhotoError
from vitrine_client.photos import Photo, bytes_from_photo

_COLOUR = (255, 60, 0)
_STRONGEST = 0.75
"""Share of the colour, 0 to 1, where the question looked most; the photo stays visible below it."""


def overlay_heatmap(photo: Photo, heatmap: NDArray[np.float32]) -> Image.Image:
    """Draw `heatmap` over `photo`, upright and, like the model, on white where it is transparent.

    A file is drawn in its own size, an image or array in that in which it is sent.

    Args:
        photo: the one that was asked about.
        heatmap: [grid, grid], of the photo stretched to a square.

    Raises:
        InvalidPhotoError: it cannot be read as a picture.
    """
    encoded = bytes_from_photo(photo)
    try:
        image = _rgb_on_white(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))))
    except Exception as error:  # decoders raise OSError, ValueError, SyntaxError and more on broken files
        raise InvalidPhotoError(f"the photo ({len(encoded)} bytes) is no picture that can be drawn on") from error
    most = float(heatmap.max())
    strength = 255 * _STRONGEST * (heatmap / most if most > 0 else heatmap)
    # Stretching the map to the photo's shape undoes the stretching of the photo to a square.
    smooth = Image.fromarray(strength.astype(np.float32)).resize(image.size, Image.Resampling.BICUBIC)
    mask = Image.fromarray(np.asarray(smooth).clip(0, 255).astype(np.uint8))
    return Image.composite(Image.new("RGB", image.size, _COLOUR), image, mask)


def _rgb_on_white(image: Image.Image) -> Image.Image:
    if not image.has_transparency_data:
        return image.convert("RGB")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA")).convert("RGB")
