"""From whatever the caller has to the bytes that travel."""

import io
import os
import threading
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vitrine_client.errors import InvalidPhotoError

Photo: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | Image.Image | NDArray[Any]

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_UNSCALED_MODES = ("I", "F", "I;16B", "I;16L", "I;16N")
_MAX_PIXELS = 4_000_000
MAX_BYTES = 16 * 2**20
"""The server takes no more."""
_LOADING = threading.Lock()
"""Pillow reads an opened file's pixels when they are first asked for, and not safely from two threads."""
if hasattr(os, "register_at_fork"):  # a child must not find it held by a thread that it has not
    os.register_at_fork(before=_LOADING.acquire, after_in_parent=_LOADING.release, after_in_child=_LOADING.release)


def bytes_from_photo(photo: Photo) -> bytes:
    """Encode a photo for the server.

    Args:
        photo: a path; the bytes of an image file; a `PIL.Image`; or a uint8
            array, [height, width] grey or [height, width, 3] RGB or
            [height, width, 4] RGBA.

    Returns:
        A file's bytes untouched, whatever they hold; an image or an array as
        PNG, upright, and shrunk to 4 megapixels where it has more (the server
        shrinks it further anyway, and takes 16 MiB at most).

    Raises:
        InvalidPhotoError: no such file, one that is too large, or an array or image that cannot be encoded.
    """
    encoded = _encoded(photo)
    if len(encoded) > MAX_BYTES:
        named = f" {os.fspath(photo)!r}" if isinstance(photo, (str, os.PathLike)) else ""
        raise InvalidPhotoError(f"the photo{named} has more than the {MAX_BYTES} bytes allowed: send a smaller file")
    return encoded


def _encoded(photo: Photo) -> bytes:
    if isinstance(photo, (bytes, bytearray, memoryview)):
        return bytes(photo)
    if isinstance(photo, (str, os.PathLike)):
        try:
            with Path(photo).open("rb") as file:
                size = os.fstat(file.fileno()).st_size or MAX_BYTES  # a device has none, and may be endless
                return file.read(min(size, MAX_BYTES) + 1)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            raise InvalidPhotoError(f"cannot read the photo {os.fspath(photo)!r}: {error}") from error
    if isinstance(photo, np.ndarray):
        return _png_from_image(_image_from_array(photo))
    if isinstance(photo, Image.Image):
        if photo.mode in _UNSCALED_MODES:
            raise InvalidPhotoError(
                f"an image of mode {photo.mode} has no agreed range of values: convert it to RGB or L first"
            )
        return _png_from_image(photo)
    raise InvalidPhotoError(
        f"a photo is a path, bytes, a PIL.Image or a uint8 array, but a {type(photo).__name__} came"
    )


def _image_from_array(array: NDArray[Any]) -> Image.Image:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not fits or array.size == 0:
        raise InvalidPhotoError(
            "an array must be uint8 and [height, width], [height, width, 3] or [height, width, 4], "
            f"but {array.dtype} {list(array.shape)} came"
        )
    return Image.fromarray(array)


def _png_from_image(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    try:
        with _LOADING:
            image.load()
            upright = ImageOps.exif_transpose(image)  # a PNG says nothing of orientation
        if upright.mode not in _PNG_MODES:
            upright = upright.convert("RGB")
        if upright.width * upright.height > _MAX_PIXELS:
            scale = (_MAX_PIXELS / (upright.width * upright.height)) ** 0.5
            upright = upright.resize((max(1, int(upright.width * scale)), max(1, int(upright.height * scale))))
        upright.save(buffer, "PNG", compress_level=1)
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError and more on broken images
        raise InvalidPhotoError(
            f"cannot encode the image (mode {image.mode}, size {image.size}): {type(error).__name__}: {error}"
        ) from error
    return buffer.getvalue()
