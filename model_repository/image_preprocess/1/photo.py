"""Decodes one product photo into the pixels that the image encoder takes."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP")

# Our own pixel limit is checked before any pixel is decoded; Pillow's, which only warns at first, is off.
Image.MAX_IMAGE_PIXELS = None


class PhotoError(ValueError):
    """The caller's photo cannot be used. The message is fit for the caller to read."""


@dataclass(frozen=True)
class PhotoLimits:
    max_bytes: int
    max_pixels: int


def sha256_of_photo(photo: bytes) -> NDArray[np.uint8]:
    """SHA-256 of the encoded photo: [32] uint8."""
    return np.frombuffer(hashlib.sha256(photo).digest(), np.uint8)


def pixels_from_photo(photo: bytes, *, side_px: int, limits: PhotoLimits) -> NDArray[np.uint8]:
    """Decode one product photo as the image encoder expects it.

    Args:
        photo: an encoded JPEG, PNG or WebP, at most `limits.max_bytes` long.
            Of an animation, the first frame counts.
        side_px: side of the square that comes back, in pixels.

    Returns:
        [side_px, side_px, 3] uint8, RGB, C-contiguous: upright (EXIF
        orientation applied), transparency on white, resized with Pillow's
        bicubic filter and no crop, like the checkpoint's own processor.

    Raises:
        PhotoError: empty, not an image, a format that is not accepted, too
            large in bytes or pixels, or broken. The message names what came
            and what is accepted.
    """
    image = _opened_photo(photo, limits)
    format_name = image.format
    try:
        upright = ImageOps.exif_transpose(image)
        square = _rgb_on_white(upright).resize((side_px, side_px), Image.Resampling.BICUBIC)
    except Exception as error:
        # Decoders raise OSError, ValueError, SyntaxError, struct.error and more on broken
        # files; whatever it is, the photo is at fault and its neighbours in the batch are not.
        raise PhotoError(
            f"the {format_name} photo is broken or cut short ({len(photo)} bytes): send the whole file"
        ) from error
    return np.asarray(square)


def _opened_photo(photo: bytes, limits: PhotoLimits) -> Image.Image:
    """Read the header only, and check everything that can be checked without decoding."""
    accepted = ", ".join(ACCEPTED_FORMATS)
    if not photo:
        raise PhotoError(f"the photo is empty (0 bytes): send a {accepted} file")
    if len(photo) > limits.max_bytes:
        raise PhotoError(
            f"the photo has {len(photo)} bytes, more than the {limits.max_bytes} allowed: send a smaller file"
        )
    try:
        image = Image.open(io.BytesIO(photo), formats=ACCEPTED_FORMATS)
    except Exception as error:  # as above: any failure to read a header is the photo's
        raise PhotoError(
            f"the photo is not an image that is accepted ({len(photo)} bytes, starting with "
            f"{photo[:8].hex(' ')}): send {accepted}"
        ) from error
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise PhotoError(
            f"the photo has {image.width} x {image.height} = {pixels} pixels, more than the "
            f"{limits.max_pixels} allowed: send a smaller one"
        )
    return image


def _rgb_on_white(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip it, not scale it
        return Image.fromarray((np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)).convert("RGB")
    if image.has_transparency_data:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")
