"""Limits what decoding one photo may cost, before and while it is done.

A file of 40 bytes can ask for a gigabyte of memory, and one of 350 KB for a
minute of a processor: a size in bytes and in pixels bounds neither.
"""

import io
import time
from typing import Any

from PIL.JpegImagePlugin import JpegImageFile

_WEBP_BYTES_A_PIXEL = 20  # the decoder's canvas, its copy of the frame before, what it returns, and Pillow's own
_AVIF_BYTES_A_PIXEL = 9  # at least: with alpha, or every colour of every pixel, 11 to 13; the process apart sees to it
_COEFFICIENT_BYTES = 2
_FILL = 0xFF  # begins a marker; as many as like may
_START_OF_SCAN = b"\xff\xda"
_WITH_LENGTH = frozenset(range(0xC0, 0xFF)) - frozenset(range(0xD0, 0xDA))
"""Markers that are followed by the length of what belongs to them."""


class TooCostlyError(Exception):
    """Refusal: decoding would take, or has taken, more than it may. The message says what of, and how much."""


class Clock:
    """Time that the thread which made this may spend on one photo.

    Time is the processor's, so that a loaded machine decodes what an idle one
    does.
    """

    def __init__(self, max_s: float) -> None:
        self._max_s = max_s
        self._end_s = time.thread_time() + max_s

    def check(self) -> None:
        """
        Raises:
            TooCostlyError: it is spent.
        """
        if time.thread_time() > self._end_s:
            raise out_of_time(self._max_s)


def out_of_time(max_s: float) -> TooCostlyError:
    return TooCostlyError(f"takes more than {max_s:g} s to decode")


class TimedPhoto(io.BytesIO):
    """Bytes of a photo, which can be read until their time is spent.

    Pillow reads a photo marker by marker and block by block, so a decoder
    that is kept busy comes by here again and again.
    """

    def __init__(self, photo: bytes, clock: Clock) -> None:
        super().__init__(photo)
        self._clock = clock

    def read(self, size: int | None = -1, /) -> bytes:
        self._clock.check()
        return super().read(size)


def require_affordable(image: Any, photo: bytes, file_pixels: int, *, max_bytes: int, max_scanned_pixels: int) -> None:
    """Check a photo whose header has been read.

    Args:
        image: a `PIL.Image`, not decoded yet, in the size that it will be decoded to.
        file_pixels: pixels of the file, which a JPEG's draft does not decode all.
        max_bytes: memory that decoding may take, the file itself left out.
        max_scanned_pixels: pixels of a JPEG that comes in several scans, times their number.

    Raises:
        TooCostlyError: it would take more.
    """
    if image.format == "WEBP":
        needed = file_pixels * _WEBP_BYTES_A_PIXEL
    elif image.format == "AVIF":
        needed = file_pixels * _AVIF_BYTES_A_PIXEL
    else:
        needed = image.width * image.height * _bytes_a_pixel(image.mode)
    # Not by its format: Pillow calls a JPEG MPO once it names further pictures.
    if isinstance(image, JpegImageFile) and _has_several_scans(image, photo):
        needed += int(file_pixels * _samples_a_pixel(image)) * _COEFFICIENT_BYTES
        scans = photo.count(_START_OF_SCAN)  # cannot occur within a scan: there, ff is followed by 00
        if scans * file_pixels > max_scanned_pixels:
            raise TooCostlyError(f"paints its {file_pixels} pixels in {scans} scans, more than are allowed")
    if needed > max_bytes:
        raise TooCostlyError(f"takes {needed / 2**20:.0f} MiB to decode, more than the {max_bytes / 2**20:.0f} allowed")


def _has_several_scans(image: Any, photo: bytes) -> bool:
    """Return whether the decoder keeps the whole JPEG and reads scan after scan.

    One that is not progressive may ask for it too, by a first scan of fewer
    colours than there are (libjpeg, jdinput.c).
    """
    scan = _first_scan(photo)
    return scan is None or bool(image.info.get("progressive")) or photo[scan + 4] < len(image.layer)


def _first_scan(photo: bytes) -> int | None:
    """Find where the first scan's header begins: ff da, its length, how many colours. None: the way there is odd."""
    at = 2
    while at + 4 < len(photo) and photo[at] == _FILL:
        if photo[at : at + 2] == _START_OF_SCAN:
            return at
        if photo[at + 1] == _FILL:
            at += 1
        elif photo[at + 1] in _WITH_LENGTH:
            at += 2 + int.from_bytes(photo[at + 2 : at + 4], "big")
        else:
            return None
    return None


def _bytes_a_pixel(mode: str) -> int:
    """Return the bytes of a pixel as Pillow keeps it."""
    return 1 if mode in ("1", "L", "P") else 2 if mode.startswith("I;16") else 4


def _samples_a_pixel(image: Any) -> float:
    """Return 3 where each of a JPEG's three colours has every pixel; 1.5 where two have every fourth."""
    factors = [horizontal * vertical for _, horizontal, vertical, _ in image.layer]
    return float(sum(factors) / max(factors))
