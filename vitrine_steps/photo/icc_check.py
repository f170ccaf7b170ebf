"""Holds an ICC profile that came with a photo to what the profiles of photos are, before LittleCMS reads it.

A profile is a program of tables: of other classes (links, named colours,
effects) or with tables that are not there, it costs more than it may, or does
what no photo asks for. Source: ICC.1:2022.
"""

import struct

MAX_PROFILE_BYTES = 4 * 2**20
"""Profiles of printing presses have 0.5 to 3 MiB."""

_HEADER_BYTES = 128
_MOST_TAGS = 128
_CLASSES = (b"mntr", b"scnr", b"prtr", b"spac")
_COLOURS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_CONNECTIONS = (b"XYZ ", b"Lab ")
_VERSIONS = (2, 4)
_TABLES = tuple(b"A2B%d" % number for number in range(3))
_FLOAT_TABLES = tuple(prefix + b"%d" % number for prefix in (b"D2B", b"B2D") for number in range(4))
_LEFT_OUT = b"left"
_NEEDED = {b"GRAY": (b"kTRC",), b"RGB ": (b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC"), b"CMYK": (b"A2B0",)}


class ProfileError(ValueError):
    """A profile that is not applied; says why, for logs and tests only."""


def checked_profile(profile: bytes) -> tuple[str, bytes]:
    """The colours that a profile is of ("GRAY", "RGB" or "CMYK"), and the profile as LittleCMS is to read it.

    Tables of floating-point steps (D2B0 and the like) are taken out of its
    list: their number is not bounded, and each profile that has them has the
    ordinary ones too.

    Raises:
        ProfileError: it is none that a photo can be described by.
    """
    if not _HEADER_BYTES + 4 <= len(profile) <= MAX_PROFILE_BYTES:
        raise ProfileError(f"{len(profile)} bytes")
    if profile[36:40] != b"acsp" or profile[8] not in _VERSIONS:
        raise ProfileError("no ICC profile of version 2 or 4")
    kind, space, connection = profile[12:16], profile[16:20], profile[20:24]
    if kind not in _CLASSES or space not in _COLOURS or connection not in _CONNECTIONS:
        raise ProfileError("a profile of another class, of other colours, or of other coordinates")
    (tags,) = struct.unpack_from(">I", profile, _HEADER_BYTES)
    end = _HEADER_BYTES + 4 + 12 * tags
    if tags > _MOST_TAGS or end > len(profile):
        raise ProfileError(f"{tags} tags")
    kept = bytearray(profile)
    found = set()
    for place in range(_HEADER_BYTES + 4, end, 12):
        tag, start, size = struct.unpack_from(">4sII", profile, place)
        if start + size > len(profile):
            raise ProfileError("a tag that ends behind the profile")
        if tag in _FLOAT_TABLES:
            kept[place : place + 4] = _LEFT_OUT
        elif tag in _TABLES:
            _check_table(profile[start : start + size], _COLOURS[space])
        found.add(tag)
    if not found.issuperset(_NEEDED[space]) and _TABLES[0] not in found:
        raise ProfileError("a tag that its colours need is not there")
    return space.decode().strip(), bytes(kept)


def _check_table(table: bytes, channels: int) -> None:
    """Check that a table of many dimensions has the channels of its profile, and is there as a whole.

    Raises:
        ProfileError: it has not, is not, or is of a type that is not known.
    """
    kind = table[:4]
    if len(table) < 32 or kind not in (b"mft1", b"mft2", b"mAB "):
        raise ProfileError("a table of an unknown type")
    if (table[8], table[9]) != (channels, 3):
        raise ProfileError("a table of other channels than the profile's")
    if kind != b"mAB ":
        points, width = table[10] ** channels, 1 if kind == b"mft1" else 2
        start = 48 if kind == b"mft1" else 52
    else:
        (at,) = struct.unpack_from(">I", table, 24)
        if at == 0:  # curves and a matrix alone
            return
        if at + 20 > len(table):
            raise ProfileError("a table that is not there")
        points, width, start = 1, table[at + 16], at + 20
        for sides in table[at : at + channels]:
            points *= sides
    if start + points * 3 * width > len(table):
        raise ProfileError("a table that is not there as a whole")
