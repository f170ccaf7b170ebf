"""Photos of every form that callers have, as the bytes that travel."""

import io
import os
import re
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from vitrine_client.errors import InvalidPhotoError
from vitrine_client.quoting import kind_of, quote, without_long_words


class BinaryFile(Protocol):
    """Whatever is read as a file is: one that was opened with "rb", a `BytesIO`, an upload."""

    def read(self, size: int, /) -> bytes | None: ...


Photo: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryFile | Image.Image | NDArray[Any]
"""Photo in any form that a caller may have: see `bytes_from_photo`."""

_PNG_MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")
_UNSCALED_MODES = ("I", "F", "I;16B", "I;16L", "I;16N")
_MAX_PIXELS = 4_000_000
MAX_BYTES = 16 * 2**20
"""The server takes no more."""
_KINDS = "a path, bytes, an open binary file, a PIL.Image or a uint8 array"
_AS_TEXT = 'the photo\'s file was opened as text: open it as binary, open(path, "rb")'
_URL = re.compile(r"\s*[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_DATA_URI = re.compile(r"\s*data:", re.IGNORECASE)
_BASE64 = re.compile(r"[A-Za-z0-9+/_=\s-]*")
_BASE64_BEGINNINGS = ("/9j/", "iVBORw0KGgo", "UklGR", "AAAA", "R0lGOD")
"""JPEG, PNG, WebP, AVIF and HEIC, GIF."""
_BASE64_CHARACTERS = 200
"""A shorter text that begins otherwise is taken for the path that it may be."""
_LOADING = threading.Lock()
"""Pillow reads an opened file's pixels when they are first asked for, and not safely from two threads."""
if hasattr(os, "register_at_fork"):  # a child must not find it held by a thread that it has not
    os.register_at_fork(before=_LOADING.acquire, after_in_parent=_LOADING.release, after_in_child=_LOADING.release)


def bytes_from_photo(photo: Photo) -> bytes:
    """Encode a photo for the server.

    Args:
        photo: a path; the bytes of an image file; an open binary file or
            what is read like one, from where it stands to its end; a
            `PIL.Image`; or a uint8 array, [height, width] grey or
            [height, width, 3] RGB or [height, width, 4] RGBA.

    Returns:
        A file's bytes untouched, whatever they hold; an image or an array as
        PNG, upright, and shrunk to 4 megapixels where it has more (the server
        shrinks it further anyway, and takes 16 MiB at most).

    Raises:
        InvalidPhotoError: no such file, one that is too large or was opened as text, an array or image that cannot
            be encoded; or a text that is no path but a photo in base64, or its address.
    """
    encoded = _encode(photo)
    if len(encoded) > MAX_BYTES:
        named = f" {quote(os.fspath(photo))}" if isinstance(photo, (str, os.PathLike)) else ""
        raise InvalidPhotoError(f"the photo{named} has more than the {MAX_BYTES} bytes allowed: send a smaller file")
    return encoded


def _encode(photo: Photo) -> bytes:
    if isinstance(photo, (bytes, bytearray, memoryview)):
        return bytes(photo)
    if isinstance(photo, (str, os.PathLike)):
        try:
            with Path(photo).open("rb") as file:
                size = os.fstat(file.fileno()).st_size or MAX_BYTES  # a device has none, and may be endless
                return file.read(min(size, MAX_BYTES) + 1)
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            raise InvalidPhotoError(_reason_unreadable(os.fspath(photo), error)) from error
    if isinstance(photo, np.ndarray):
        return _png_from_image(_image_from_array(photo))
    if isinstance(photo, Image.Image):
        if photo.mode in _UNSCALED_MODES:
            raise InvalidPhotoError(
                f"an image of mode {photo.mode} has no agreed range of values: convert it to RGB or L first"
            )
        return _png_from_image(photo)
    if callable(getattr(photo, "read", None)):
        return _bytes_from_file(photo)
    raise InvalidPhotoError(f"a photo is {_KINDS}, but {kind_of(photo)} came")


def _reason_unreadable(path: str, error: Exception) -> str:
    """Say what is wrong with a path that cannot be read: often it is none."""
    text = os.fsdecode(path)
    if _DATA_URI.match(text):
        return f"a data: URI came, {quote(text)}: decode what follows its comma (base64.b64decode) and send the bytes"
    if _URL.match(text):
        return f"a URL came, {quote(text)}: nothing is fetched for you; download the photo and send its bytes"
    if _BASE64.fullmatch(text) and (text.startswith(_BASE64_BEGINNINGS) or len(text) > _BASE64_CHARACTERS):
        return f"a photo as base64 came, it seems, {quote(text)}: decode it (base64.b64decode) and send the bytes"
    return f"cannot read the photo {quote(text)}: {_reason(error)}"


def _bytes_from_file(file: BinaryFile) -> bytes:
    """Read a file from where it stands to its end; from a pipe in small parts."""
    parts: list[bytes] = []
    left_bytes = MAX_BYTES + 1
    while left_bytes > 0:
        try:
            part: Any = file.read(left_bytes)
        except UnicodeDecodeError as error:
            raise InvalidPhotoError(_AS_TEXT) from error
        except Exception as error:  # whatever stands behind a file that is none
            raise InvalidPhotoError(f"cannot read the photo from {kind_of(file)}: {_reason(error)}") from error
        if isinstance(part, str):
            raise InvalidPhotoError(_AS_TEXT)
        if not isinstance(part, (bytes, bytearray, memoryview)):
            if hasattr(part, "close"):
                part.close()  # a coroutine that nobody will await
            raise InvalidPhotoError(
                f"read() of {kind_of(file)} gave {kind_of(part)}, but bytes are expected: of an upload "
                "that is awaited send its `.file`"
            )
        if not part:
            break
        parts.append(bytes(part))
        left_bytes -= len(part)
    if not parts:
        raise InvalidPhotoError(
            f"nothing is left to read in the photo's file, {kind_of(file)}: was it read before? Then seek(0)"
        )
    return b"".join(parts)


def _reason(error: Exception) -> str:
    """Say why, in words that hold nothing of the path, which may be long."""
    return (error.strerror if isinstance(error, OSError) else None) or without_long_words(str(error))


def _image_from_array(array: NDArray[Any]) -> Image.Image:
    fits = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not fits or array.size == 0:
        raise InvalidPhotoError(
            "an array must be uint8 and [height, width], [height, width, 3] or [height, width, 4], "
            f"but {array.dtype} {list(array.shape)} came"
        )
    return Image.fromarray(array)


def _rgb_image(image: Image.Image) -> Image.Image:
    """Convert to RGB: by the image's own profile, of CMYK or Lab, where it has one that can be used."""
    profile = image.info.get("icc_profile")
    rgb: Image.Image | None = None
    if profile:
        with suppress(ImageCms.PyCMSError, OSError, ValueError):
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            rgb = ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode="RGB")
    rgb = rgb or image.convert("RGB")
    rgb.info.pop("icc_profile", None)  # of colours that are there no more
    return rgb


def _png_from_image(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    try:
        with _LOADING:
            image.load()
            upright = ImageOps.exif_transpose(image)  # a PNG says nothing of orientation
        if upright.mode not in _PNG_MODES:
            upright = _rgb_image(upright)
        if upright.width * upright.height > _MAX_PIXELS:
            scale = (_MAX_PIXELS / (upright.width * upright.height)) ** 0.5
            upright = upright.resize((max(1, int(upright.width * scale)), max(1, int(upright.height * scale))))
        upright.save(buffer, "PNG", compress_level=1)
    except Exception as error:  # Pillow raises OSError, ValueError, SyntaxError and more on broken images
        raise InvalidPhotoError(
            f"cannot encode the image (mode {image.mode}, size {image.size}): {type(error).__name__}: "
            f"{without_long_words(str(error))}"
        ) from error
    return buffer.getvalue()
