"""Finds what a photo says of its colours, in whichever way its format says it."""

import struct
from collections.abc import Iterator
from typing import Any

from PIL import Image

from vitrine_steps.photo.matrix_profile import (
    H273_CURVES,
    H273_PRIMARIES,
    SRGB_PRIMARIES,
    Primaries,
    gamma_curve,
    grey_profile,
    profile_from_h273,
    rgb_profile,
)

_PNG_CHUNKS = 256
"""Number of chunks that are looked through for a note of colours; photos have a few before their pixels."""
_BOXES = 256
_VERSION_BYTES = 4
_SRGB_GAMMA = 1 / 2.2
_SAME_GAMMA = 0.01
"""A file gamma of 0.45455 means "like a monitor", which is sRGB: programs write it beside sRGB's own primaries."""
_SAME_XY = 0.002
_GAMMAS = (0.1, 3.0)


def profile_of_photo(image: Image.Image, photo: bytes) -> bytes | None:
    """Find the ICC profile that came with a photo, or make one of what its other notes of colour say.

    PNG: cICP counts before iCCP, that before sRGB, that before gAMA and cHRM
    (PNG, third edition, 4.3). AVIF: ICC before nclx.

    Args:
        image: of which the header has been read.
        photo: the file.

    Returns:
        None: nothing is said, or sRGB.
    """
    profile: bytes | None = image.info.get("icc_profile") or None
    if image.format == "PNG":
        numbers = _cicp_of_png(photo)
        if numbers:
            return profile_from_h273(*numbers)
        if profile is None and "srgb" not in image.info and "gamma" in image.info:
            return _profile_from_gamma(image)
    if image.format == "AVIF" and profile is None:
        numbers = _nclx_of_avif(photo)
        return profile_from_h273(*numbers) if numbers else None
    return profile


def _cicp_of_png(photo: bytes) -> tuple[int, int] | None:
    """Primaries and transfer; None: there is no such chunk before the pixels, or one of numbers that are not known."""
    at = 8
    for _ in range(_PNG_CHUNKS):
        size, kind = int.from_bytes(photo[at : at + 4], "big"), photo[at + 4 : at + 8]
        if kind == b"cICP" and size == 4:
            primaries, transfer, matrix, _ = photo[at + 8 : at + 12]
            usable = matrix == 0 and primaries in H273_PRIMARIES and transfer in H273_CURVES
            return (primaries, transfer) if usable else None
        if kind in (b"IDAT", b""):
            return None
        at += 12 + size
    return None


def _profile_from_gamma(image: Image.Image) -> bytes | None:
    """Make a profile of a PNG's gAMA and, where there is one, cHRM."""
    gamma = float(image.info["gamma"])
    if not _GAMMAS[0] <= gamma <= _GAMMAS[1]:
        return None
    is_usual = abs(gamma - _SRGB_GAMMA) < _SAME_GAMMA
    if image.mode in ("1", "L", "LA") or image.mode[0] == "I":
        return None if is_usual else grey_profile(gamma_curve(1 / gamma))
    primaries = _primaries(image.info.get("chromaticity"))
    if is_usual and primaries is SRGB_PRIMARIES:
        return None
    return rgb_profile(primaries, gamma_curve(1 / gamma))


def _primaries(chromaticity: Any) -> Primaries:
    """Read a cHRM chunk: white, red, green, blue. sRGB's own where there is none, or hardly other ones."""
    if chromaticity is None:
        return SRGB_PRIMARIES
    pairs = tuple(zip(chromaticity[::2], chromaticity[1::2], strict=True))
    known = (SRGB_PRIMARIES.white, SRGB_PRIMARIES.red, SRGB_PRIMARIES.green, SRGB_PRIMARIES.blue)
    far = max(abs(a - b) for pair, own in zip(pairs, known, strict=True) for a, b in zip(pair, own, strict=True))
    return SRGB_PRIMARIES if far < _SAME_XY else Primaries(*pairs)


def _nclx_of_avif(photo: bytes) -> tuple[int, int] | None:
    """Primaries and transfer of the first `colr` box that has them."""
    start, end = 0, len(photo)
    for name in (b"meta", b"iprp", b"ipco"):
        found = next((box for box in _boxes(photo, start, end) if box[0] == name), None)
        if found is None:
            return None
        start, end = found[1] + (_VERSION_BYTES if name == b"meta" else 0), found[2]
    for name, inside, _ in _boxes(photo, start, end):
        if name == b"colr" and photo[inside : inside + 4] == b"nclx":
            primaries, transfer = struct.unpack(">HH", photo[inside + 4 : inside + 8].ljust(4, b"\0"))
            return primaries, transfer
    return None


def _boxes(photo: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Name, where what is inside begins, and where it ends, of each box (ISO/IEC 14496-12, 4.2)."""
    for _ in range(_BOXES):
        if start + 8 > end:
            return
        size, name, inside = int.from_bytes(photo[start : start + 4], "big"), photo[start + 4 : start + 8], start + 8
        if size == 1:
            size, inside = int.from_bytes(photo[inside : inside + 8], "big"), inside + 8
        elif size == 0:
            size = end - start
        if size < inside - start:
            return
        yield name, inside, min(start + size, end)
        start += size
