"""Decodes one product photo into the pixels that the image encoder takes."""

import hashlib
from dataclasses import dataclass

import numpy as np
from budget import TimedPhoto, TooCostlyError, require_affordable
from numpy.typing import NDArray
from PIL import Image
from text_sent import hint_about_text

ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP")
DRAFT_RATIO = 8
"""A large photo is shrunk cheaply first, while both sides stay so many times as long as those that come back: a JPEG
in its decoder, by a half, a quarter or an eighth; then any photo by averaging blocks of pixels (Pillow's reducing gap).
Fine patterns need the distance. Of 197 photos of up to 4,000 px, the cosine of any feature row with that of the same
photo decoded and resized in full was at least 0.9993 at 8; with the decoder alone, 0.988 at 6 and 0.968 at 3 (0.999 is
asked for). A JPEG of 12 megapixels takes 41 ms instead of 130, a PNG's resize 23 instead of 66."""

# Our own pixel limit is checked before any pixel is decoded; Pillow's, which only warns at first, is off.
Image.MAX_IMAGE_PIXELS = None

_STRIP_PIXELS = 1_000_000
_ORIENTATION_TAG = 0x0112
_TURN_OF_ORIENTATION = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_MAGIC = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"RIFF": "WEBP",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"<svg": "SVG",
    b"\0\0\0\x1cftyp": "AVIF or HEIC",
    b"\0\0\0 ftyp": "AVIF or HEIC",
    b"\0\0\0\x18ftyp": "AVIF or HEIC",
}


class PhotoError(ValueError):
    """The caller's photo cannot be used. The message is fit for the caller to read."""


@dataclass(frozen=True)
class PhotoLimits:
    """Defaults: those of `config.pbtxt`, which count in the server."""

    max_bytes: int = 16 * 2**20
    max_pixels: int = 50_000_000
    max_decode_bytes: int = 256 * 2**20
    """Memory, beside the file's own."""
    max_decode_s: float = 1.5
    """Of a processor."""
    max_scanned_pixels: int = 1_000_000_000
    """Of a JPEG that comes in several scans: its pixels times their number."""


def sha256_of_photo(photo: bytes) -> NDArray[np.uint8]:
    """SHA-256 of the encoded photo: [32] uint8."""
    return np.frombuffer(hashlib.sha256(photo).digest(), np.uint8)


def pixels_from_photo(
    photo: bytes, *, side_px: int, limits: PhotoLimits, draft_ratio: int | None = DRAFT_RATIO
) -> NDArray[np.uint8]:
    """Decode one product photo as the image encoder expects it.

    Args:
        photo: an encoded JPEG, PNG or WebP, at most `limits.max_bytes` long.
            Of an animation, the first frame counts.
        side_px: side of the square that comes back, in pixels.
        draft_ratio: see `DRAFT_RATIO`. None: large photos are decoded and resized in full.

    Returns:
        [side_px, side_px, 3] uint8, RGB, C-contiguous: upright (EXIF
        orientation applied), transparency on white, resized with Pillow's
        bicubic filter and no crop, like the checkpoint's own processor.

    Raises:
        PhotoError: empty, not an image, a format that is not accepted, too
            large in bytes or pixels, too costly to decode, or broken. The
            message names what came and what is accepted.
    """
    image = _opened_photo(photo, limits)
    file_pixels = image.width * image.height
    try:
        if draft_ratio:
            image.draft(image.mode, (draft_ratio * side_px, draft_ratio * side_px))  # does nothing to other formats
        require_affordable(
            image,
            photo,
            file_pixels,
            max_bytes=limits.max_decode_bytes,
            max_scanned_pixels=limits.max_scanned_pixels,
        )
        square = _rgb_square(image, side_px, draft_ratio)
    except TooCostlyError as error:
        raise _costly(photo, error) from error
    except Exception as error:
        # Decoders raise OSError, ValueError, SyntaxError, struct.error and more on broken
        # files; whatever it is, the photo is at fault and its neighbours in the batch are not.
        raise _broken(photo) from error
    turn = _TURN_OF_ORIENTATION.get(_orientation(image))
    # Turning the small square, not the photo, saves a copy of the whole photo.
    return np.asarray(square if turn is None else square.transpose(turn))


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
        image = Image.open(TimedPhoto(photo, limits.max_decode_s), formats=ACCEPTED_FORMATS)
    except TooCostlyError as error:
        raise _costly(photo, error) from error
    except Exception as error:  # as above: any failure to read a header is the photo's
        kind = _kind(photo)
        if kind in ACCEPTED_FORMATS:
            raise _broken(photo) from error
        if kind:
            raise PhotoError(f"the photo's format, {kind}, is not accepted: send {accepted}") from error
        if hint := hint_about_text(photo):
            raise PhotoError(hint) from error
        raise PhotoError(
            f"the photo is not an image that is known here ({len(photo)} bytes, starting with "
            f"{photo[:8].hex(' ')}): send {accepted}"
        ) from error
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise PhotoError(
            f"the photo has {image.width} x {image.height} = {pixels} pixels, more than the "
            f"{limits.max_pixels} allowed: send a smaller one"
        )
    return image


def _broken(photo: bytes) -> PhotoError:
    return PhotoError(f"the {_kind(photo)} photo is broken or cut short ({len(photo)} bytes): send the whole file")


def _costly(photo: bytes, reason: TooCostlyError) -> PhotoError:
    return PhotoError(f"the {_kind(photo)} photo ({len(photo)} bytes) {reason}: send a smaller one, saved anew")


def _kind(photo: bytes) -> str | None:
    return next((name for magic, name in _MAGIC.items() if photo.startswith(magic)), None)


def _rgb_square(image: Image.Image, side_px: int, gap: float | None) -> Image.Image:
    """Resize, then turn into RGB: large photos are kept in memory in as few bytes a pixel as they came in."""
    size = (side_px, side_px)
    # Alpha is multiplied in before colours are averaged, so clear pixels leave no fringe.
    mode = "RGBa" if image.has_transparency_data else "L" if image.mode[0] in "LI" else "RGB"
    across, down = (max(1, int(side / side_px / gap)) if gap else 1 for side in image.size)
    small = image.reduce((across, down)) if image.mode == mode else _reduced_in_strips(image, mode, across, down)
    box = (0.0, 0.0, image.width / across, image.height / down)
    square = small.resize(size, Image.Resampling.BICUBIC, box)
    if mode == "RGBa":
        return Image.alpha_composite(Image.new("RGBA", size, "white"), square.convert("RGBA")).convert("RGB")
    return square.convert("RGB")


def _reduced_in_strips(image: Image.Image, mode: str, across: int, down: int) -> Image.Image:
    """Convert and reduce by whole factors, a strip at a time: the photo is never there twice."""
    image.load()
    width, height = image.size
    rows = down * max(1, _STRIP_PIXELS // (width * down))
    small = Image.new(mode, (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        if strip.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip it, not scale it
            strip = Image.fromarray((np.asarray(strip) >> 8).astype(np.uint8))
        if mode == "RGBa":
            strip = strip.convert("RGBA")
        small.paste(strip.convert(mode).reduce((across, down)), (0, top // down))
    return small


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none, or none that can be read."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # odd EXIF is no reason to refuse a photo that can be seen
        return 1
