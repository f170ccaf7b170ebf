"""An ICC profile of a simple press, of tables, for photos in CMYK: no profile of a real press can be shipped here.

Its inks multiply: what cyan leaves of red, black dims again. Red, green and
blue that are left are those of a space of its own, smaller than sRGB in some
places and larger in others, and darker; so that a photo that is read without
the profile looks wrong.
"""

import struct
from functools import cache

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.photo.matrix_profile import profile_from_tags

_D50 = np.array([0.9642, 1.0, 0.8249])
_PRESS = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
"""XYZ at D50 of sRGB's red, green and blue in columns."""
_MIX = np.array([[0.90, 0.08, 0.02], [0.06, 0.88, 0.06], [0.02, 0.10, 0.88]])
"""Share of the neighbours' light that each ink takes too."""
_GAMMA = 1.7
_INKS_GRID, _LAB_GRID = 9, 25
_BLACK_RATIO = 0.8
"""Share of the grey part of a colour that is printed in black ink."""


@cache
def press_profile() -> bytes:
    """The profile, of 160 KB: how inks look, and which inks give a colour."""
    inks = _grid(4, _INKS_GRID)
    lab = _grid(3, _LAB_GRID) * [100 * 0xFFFF / 0xFF00, 255.99609375, 255.99609375] - [0, 128, 128]
    tags = {
        b"wtpt": b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in _D50)),
        b"A2B0": _table(_INKS_GRID, 4, _lab_u16(_lab_from_xyz(_xyz_from_inks(inks)))),
        b"B2A0": _table(_LAB_GRID, 3, np.round(_inks_from_xyz(_xyz_from_lab(lab)) * 0xFFFF)),
    }
    return bytes(profile_from_tags(b"prtr", b"CMYK", b"Lab ", tags, "a simple press"))


def _xyz_from_inks(inks_n4: NDArray[np.float64]) -> NDArray[np.float64]:
    left = ((1 - inks_n4[:, :3]) * (1 - inks_n4[:, 3:])) ** _GAMMA
    return np.asarray(left @ (_PRESS @ _MIX).T)


def _inks_from_xyz(xyz_n3: NDArray[np.float64]) -> NDArray[np.float64]:
    left = np.clip(xyz_n3 @ np.linalg.inv(_PRESS @ _MIX).T, 0, 1) ** (1 / _GAMMA)
    black = _BLACK_RATIO * (1 - left.max(axis=1, keepdims=True))
    return np.concatenate([np.clip(1 - left / (1 - black), 0, 1), black], axis=1)


def _grid(axes: int, points: int) -> NDArray[np.float64]:
    """[points^axes, axes], 0 to 1; the last axis runs fastest, as in a profile."""
    line = np.linspace(0, 1, points)
    return np.asarray(np.stack(np.meshgrid(*[line] * axes, indexing="ij"), axis=-1).reshape(-1, axes))


def _lab_from_xyz(xyz_n3: NDArray[np.float64]) -> NDArray[np.float64]:
    ratio = xyz_n3 / _D50
    root = np.where(ratio > 216 / 24389, np.cbrt(ratio), (24389 / 27 * ratio + 16) / 116)
    x, y, z = root.T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def _xyz_from_lab(lab_n3: NDArray[np.float64]) -> NDArray[np.float64]:
    y = (lab_n3[:, 0] + 16) / 116
    root = np.stack([y + lab_n3[:, 1] / 500, y, y - lab_n3[:, 2] / 200], axis=1)
    return np.asarray(np.where(root > 6 / 29, root**3, (116 * root - 16) * 27 / 24389) * _D50)


def _lab_u16(lab_n3: NDArray[np.float64]) -> NDArray[np.float64]:
    """Write Lab as version 2 of ICC does: 100 is ff00, and -128 is 0."""
    return np.asarray(np.clip(np.round(lab_n3 * [0xFF00 / 100, 256, 256] + [0, 128 * 256, 128 * 256]), 0, 0xFFFF))


def _table(grid: int, inputs: int, values: NDArray[np.float64]) -> bytes:
    """A tag of type lut16 (ICC.1, 10.10), whose curves change nothing."""
    outputs = values.shape[1]
    head = b"mft2\0\0\0\0" + bytes([inputs, outputs, grid, 0])
    identity = struct.pack(">9i", *(65536 * (row == column) for row in range(3) for column in range(3)))
    line = struct.pack(">2H", 0, 0xFFFF)
    body = line * inputs + values.astype(">u2").tobytes() + line * outputs
    return head + identity + struct.pack(">2H", 2, 2) + body
