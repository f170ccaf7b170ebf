"""Decodes one product photo into the pixels that a network takes."""

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrine_steps.photo.apart import APART_KINDS, DecoderApart, heic_is_decoded
from vitrine_steps.photo.budget import Clock, TimedPhoto, TooCostlyError, require_affordable
from vitrine_steps.photo.colour_tags import profile_of_photo
from vitrine_steps.photo.colours import conversion_from_profile
from vitrine_steps.photo.cut_jpeg import picture_of_cut_jpeg
from vitrine_steps.photo.file_kind import kind_of_file
from vitrine_steps.photo.fit import Fit
from vitrine_steps.photo.square import mend_clear_colour, rgb_square
from vitrine_steps.photo.text_sent import hint_about_text

ACCEPTED_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF")
DRAFT_RATIO = 8
"""A large photo is shrunk cheaply first, while both sides stay so many times as long as those that come back: a JPEG
in its decoder, by a half, a quarter or an eighth; then any photo by averaging blocks of pixels (Pillow's reducing gap).
Fine patterns need the distance. This one is safe: of 197 photos of up to 4,000 px, the cosine of any feature row with
that of the same photo decoded and resized in full was at least 0.9993. A build measures whether a smaller one changes
an answer (`builders/parity/draft.py`)."""

# Our own pixel limit is checked before any pixel is decoded; Pillow's, which only warns at first, is off.
Image.MAX_IMAGE_PIXELS = None

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
    """Seconds of a processor."""
    max_scanned_pixels: int = 1_000_000_000
    """Pixels times scans of a JPEG that comes in several scans."""


_decoder_apart = DecoderApart()


def sha256_of_photo(photo: bytes) -> NDArray[np.uint8]:
    """SHA-256 of the encoded photo: [32] uint8."""
    return np.frombuffer(hashlib.sha256(photo).digest(), np.uint8)


def accepted_formats() -> tuple[str, ...]:
    """Names of what is decoded here; HEIC is where its decoder is installed."""
    return (*ACCEPTED_FORMATS, "HEIC") if heic_is_decoded() else ACCEPTED_FORMATS


def pixels_from_photo(
    photo: bytes, *, side_px: int, limits: PhotoLimits, draft_ratio: int | None = DRAFT_RATIO, fit: Fit = "stretch"
) -> NDArray[np.uint8]:
    """Decode one product photo as the image encoder expects it.

    Args:
        photo: an encoded JPEG, PNG, WebP or AVIF (HEIC where its decoder is
            installed), at most `limits.max_bytes` long. Of an animation, the
            first frame counts.
        side_px: side of the square that comes back, in pixels.
        draft_ratio: see `DRAFT_RATIO`. None: large photos are decoded and resized in full.
        fit: how the photo comes into the square.

    Returns:
        [side_px, side_px, 3] uint8, or with "inside" [h, w, 3] up to that
        size, sRGB, C-contiguous: upright (EXIF
        orientation applied), transparency on white, resized with Pillow's
        bicubic filter and no crop, like the checkpoint's own processor; then
        in the colours that the photo's own profile says.

    Raises:
        PhotoError: empty, not an image, a format that is not accepted, too
            large in bytes or pixels, too costly to decode, or broken. The
            message names what came and what is accepted.
    """
    kind = _accepted_kind(photo, limits)
    if kind not in APART_KINDS:
        return pixels_decoded_here(photo, kind, side_px=side_px, limits=limits, draft_ratio=draft_ratio, fit=fit)
    try:
        pixels, message = _decoder_apart.pixels(
            photo, kind, side_px=side_px, limits=limits, draft_ratio=draft_ratio, fit=fit
        )
    except TooCostlyError as error:
        raise _costly(photo, kind, error) from error
    if pixels is None:
        raise PhotoError(message)
    return pixels


def pixels_decoded_here(
    photo: bytes, kind: str, *, side_px: int, limits: PhotoLimits, draft_ratio: int | None, fit: Fit = "stretch"
) -> NDArray[np.uint8]:
    """Decode a photo of an accepted kind in this process; see `pixels_from_photo`.

    Raises:
        PhotoError: as there.
    """
    clock = Clock(limits.max_decode_s)
    draft_px = draft_ratio * side_px if draft_ratio else None
    try:
        image = _open(photo, kind, limits, clock, draft_px)
        profile = profile_of_photo(image, photo)
        conversion = conversion_from_profile(profile, image.mode)
        image = _load(image, photo, kind, limits, clock, draft_px)
        square = rgb_square(image, side_px, draft_ratio, conversion, fit)
        clock.check()
    except TooCostlyError as error:
        raise _costly(photo, kind, error) from error
    except PhotoError:
        raise
    except Exception as error:
        # Decoders raise OSError, ValueError, SyntaxError, struct.error and more on broken
        # files; whatever it is, the photo is at fault and its neighbours in the batch are not.
        raise PhotoError(
            f"the {kind} photo is broken or cut short ({len(photo)} bytes): send the whole file"
        ) from error
    turn = _TURN_OF_ORIENTATION.get(_orientation(image))
    # Turning the small square, not the photo, saves a copy of the whole photo.
    return np.asarray(square if turn is None else square.transpose(turn))


def _accepted_kind(photo: bytes, limits: PhotoLimits) -> str:
    """Tell a photo's kind by its first bytes, and refuse one that is not accepted."""
    accepted = ", ".join(accepted_formats())
    if not photo:
        raise PhotoError(f"the photo is empty (0 bytes): send a {accepted} file")
    if len(photo) > limits.max_bytes:
        raise PhotoError(
            f"the photo has {len(photo)} bytes, more than the {limits.max_bytes} allowed: send a smaller file"
        )
    kind = kind_of_file(photo)
    if kind in accepted_formats():
        return kind
    if hint := hint_about_text(photo):
        raise PhotoError(hint)
    if kind in APART_KINDS:
        raise PhotoError(
            f"the photo's format, {kind}, is not accepted here: convert it to JPEG "
            f"(an iPhone takes JPEG under Settings, Camera, Formats, Most Compatible), or send {accepted}"
        )
    if kind:
        raise PhotoError(f"the photo's format, {kind}, is not accepted: send {accepted}")
    raise PhotoError(
        f"the photo is not an image that is known here ({len(photo)} bytes, starting with "
        f"{photo[:8].hex(' ')}): send {accepted}"
    )


def _open(photo: bytes, kind: str, limits: PhotoLimits, clock: Clock, draft_px: int | None) -> Image.Image:
    """Read the header only, and check everything that can be checked without decoding."""
    image = Image.open(TimedPhoto(photo, clock), formats=("HEIF" if kind == "HEIC" else kind,))
    pixels = image.width * image.height
    if pixels > limits.max_pixels:
        raise PhotoError(
            f"the photo has {image.width} x {image.height} = {pixels} pixels, more than the "
            f"{limits.max_pixels} allowed: send a smaller one"
        )
    if draft_px and kind == "JPEG":  # of HEIC it would be the thumbnail, which may show something else
        image.draft(image.mode, (draft_px, draft_px))
    mend_clear_colour(image)
    require_affordable(
        image, photo, pixels, max_bytes=limits.max_decode_bytes, max_scanned_pixels=limits.max_scanned_pixels
    )
    return image


def _load(
    image: Image.Image, photo: bytes, kind: str, limits: PhotoLimits, clock: Clock, draft_px: int | None
) -> Image.Image:
    """Decode it; of a JPEG that lacks its last bytes, what is there."""
    try:
        image.load()
    except TooCostlyError:
        raise
    except Exception:
        if kind != "JPEG":
            raise
    else:
        return image
    image.close()

    def load(continued: bytes) -> Image.Image:
        image = _open(continued, kind, limits, clock, draft_px)
        image.load()
        return image

    picture = picture_of_cut_jpeg(photo, load)
    if picture is None:
        raise ValueError("a JPEG that lacks more than its last bytes")
    return picture


def _costly(photo: bytes, kind: str, reason: TooCostlyError) -> PhotoError:
    return PhotoError(f"the {kind} photo ({len(photo)} bytes) {reason}: send a smaller one, saved anew")


def _orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 where there is none, or none that can be read."""
    try:
        return int(image.getexif().get(_ORIENTATION_TAG, 1))
    except Exception:  # odd EXIF is no reason to refuse a photo that can be seen
        return 1
