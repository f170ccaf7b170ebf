"""Shows what there is of a JPEG that lacks only its last bytes, as browsers do.

No decoder says which rows it was given and which it made up. So the file is
continued in two ways, by bytes that mean nothing: a row that comes out alike
in both owes nothing to them.
"""

import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
from PIL import Image

MISSING_ROWS = 0.05
"""The largest share of a photo's rows that may be missing."""

_END = b"\xff\xd9"
_TAIL_BYTES = 4096  # more than a block of 16 x 16 pixels takes
_TAILS = tuple(bytes(random.Random(seed).choices(range(255), k=_TAIL_BYTES)) for seed in (1, 2))  # without ff
_STRIP_PIXELS = 1_000_000
_SCAN, _IMAGE_END = 0xDA, 0xD9
_MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd7\xff]")
"""Pattern of a segment with a length, or the end: not what stands for a byte of ff, restarts a scan, or fills."""
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_LAST_BIT = 1


@dataclass(frozen=True)
class _Scan:
    """One pass over the picture: of some colours, some frequencies, down to some bit."""

    colours: tuple[int, ...]
    first: int
    last: int
    lowest_bit: int


@dataclass(frozen=True)
class _Cut:
    scans: tuple[_Scan, ...]
    colours: tuple[int, ...]
    end: int
    """Place behind the last byte of the last scan that there is anything of."""


def picture_of_cut_jpeg(photo: bytes, loaded: Callable[[bytes], Image.Image]) -> Image.Image | None:
    """Decode a JPEG that is not there as a whole.

    It is shown when it lacks at most `MISSING_ROWS` of its rows, which are
    white then. One that comes in several scans is shown when so many rows are
    there, of each colour and frequency, but for its last bit (a progressive
    JPEG brings that one in its last scans, of a third of its bytes).

    Args:
        photo: a file that cannot be decoded as it is.
        loaded: decodes a file; raises where it cannot.

    Returns:
        The picture; None: more is missing, or something else is wrong.
    """
    cut = _cut(photo)
    if cut is None:
        return None
    there = photo[: cut.end]
    if _brings_all(cut.scans[:-1], cut.colours):
        return loaded(there + _END)
    if not _brings_all(cut.scans, cut.colours):
        return None
    before = _digests(loaded(there + _TAILS[0] + _END))
    picture = loaded(there + _TAILS[1] + _END)
    rows = _rows_alike(before, _digests(picture))
    if rows < (1 - MISSING_ROWS) * picture.height:
        return None
    if len(cut.scans) > 1:
        del picture  # two would take more memory than a photo may
        return loaded(there + _END)  # what is missing of the last scan is there, less finely, from those before
    picture.paste(0 if picture.mode == "CMYK" else "white", (0, rows, picture.width, picture.height))
    return picture


def _rows_alike(first: list[bytes], second: list[bytes]) -> int:
    """Count the rows from the top that are alike."""
    return next((row for row, pair in enumerate(zip(first, second, strict=True)) if pair[0] != pair[1]), len(first))


def _digests(picture: Image.Image) -> list[bytes]:
    """One of each row, instead of a second picture."""
    found = []
    rows = max(1, _STRIP_PIXELS // picture.width)
    for top in range(0, picture.height, rows):
        strip = np.asarray(picture.crop((0, top, picture.width, min(top + rows, picture.height))))
        found += [blake2b(row.tobytes(), digest_size=8).digest() for row in strip]
    return found


def _brings_all(scans: tuple[_Scan, ...], colours: tuple[int, ...]) -> bool:
    """Return whether the scans bring each frequency of each colour, but for its last bit."""
    lowest = {(colour, frequency): 16 for colour in colours for frequency in range(64)}
    for scan in scans:
        for colour in scan.colours:
            for frequency in range(scan.first, scan.last + 1):
                lowest[colour, frequency] = min(lowest.get((colour, frequency), 16), scan.lowest_bit)
    return bool(scans) and max(lowest.values()) <= _LAST_BIT


def _cut(photo: bytes) -> _Cut | None:
    """Walk from marker to marker (ITU-T T.81, annex B). None: the file has its end, or no scan, or is odd."""
    scans: list[_Scan] = []
    colours: tuple[int, ...] = ()
    at = 2
    while True:
        found = _MARKER.search(photo, at)
        if found is None:
            return _Cut(tuple(scans), colours, len(photo) - photo.endswith(b"\xff")) if scans else None
        at, marker = found.start(), photo[found.start() + 1]
        if marker == _IMAGE_END:
            return None
        size = int.from_bytes(photo[at + 2 : at + 4], "big")
        if at + 4 > len(photo) or at + 2 + size > len(photo):
            return _Cut(tuple(scans), colours, at) if scans else None
        segment = photo[at + 4 : at + 2 + size]
        if marker in _FRAMES:
            colours = tuple(segment[6::3])
        elif marker == _SCAN:
            scan = _scan(segment)
            if scan is None:
                return None
            scans.append(scan)
        at += 2 + size


def _scan(header: bytes) -> _Scan | None:
    count = header[0] if header else 0
    if len(header) < 1 + 2 * count + 3:
        return None
    first, last, bits = header[1 + 2 * count : 4 + 2 * count]
    return _Scan(tuple(header[1 : 1 + 2 * count : 2]), first, min(last, 63), bits & 0x0F)
