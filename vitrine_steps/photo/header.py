"""Reads what a photo's header says, of photos that have been decoded before."""

import importlib.util
import io
from functools import cache

from PIL import Image

_ORIENTATION = 0x0112
_LYING = (5, 6, 7, 8)
"""EXIF orientations whose width is the upright photo's height."""


def size_of_photo(photo: bytes) -> tuple[int, int]:
    """Width and height of a photo as it is seen, upright, in pixels."""
    _register_heic()
    with Image.open(io.BytesIO(photo)) as image:
        width, height = image.size
        return (height, width) if image.getexif().get(_ORIENTATION) in _LYING else (width, height)


@cache
def _register_heic() -> None:
    """Let Pillow open HEIC where its decoder is installed, as the photo step does."""
    if importlib.util.find_spec("pillow_heif"):
        import pillow_heif

        pillow_heif.register_heif_opener()
