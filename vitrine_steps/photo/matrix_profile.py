"""Writes small ICC profiles of a matrix and curves: what the colour numbers of PNG and AVIF mean, for LittleCMS.

Source: ICC.1:2001-04; ITU-T H.273 for the numbers; SMPTE ST 2084 and ITU-R BT.2100 for the curves of HDR.
"""

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]
"""Function from what is stored to light, both 0 to 1, where 1 is white."""

_CURVE_POINTS = 4096
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_MOST_XYZ = 30_000.0  # s15Fixed16 holds less than 32,768
_WHITE_NITS = 203.0
"""White of a page beside HDR pictures (ITU-R BT.2408). What is brighter is shown as white."""
_HLG_PEAK_NITS = 1000.0


@dataclass(frozen=True)
class Primaries:
    """Chromaticities (x, y)."""

    white: tuple[float, float]
    red: tuple[float, float]
    green: tuple[float, float]
    blue: tuple[float, float]


_D65 = (0.3127, 0.3290)
_C = (0.310, 0.316)
SRGB_PRIMARIES = Primaries(_D65, (0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
REC2020_PRIMARIES = Primaries(_D65, (0.708, 0.292), (0.170, 0.797), (0.131, 0.046))
DISPLAY_P3_PRIMARIES = Primaries(_D65, (0.680, 0.320), (0.265, 0.690), (0.150, 0.060))
ADOBE_RGB_PRIMARIES = Primaries(_D65, (0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
PROPHOTO_PRIMARIES = Primaries((0.3457, 0.3585), (0.734699, 0.265301), (0.159597, 0.840403), (0.036598, 0.000105))
H273_PRIMARIES = {
    1: SRGB_PRIMARIES,
    4: Primaries(_C, (0.67, 0.33), (0.21, 0.71), (0.14, 0.08)),
    5: Primaries(_D65, (0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    7: Primaries(_D65, (0.630, 0.340), (0.310, 0.595), (0.155, 0.070)),
    8: Primaries(_C, (0.681, 0.319), (0.243, 0.692), (0.145, 0.049)),
    9: REC2020_PRIMARIES,
    11: Primaries((0.314, 0.351), (0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
    12: DISPLAY_P3_PRIMARIES,
    22: Primaries(_D65, (0.630, 0.340), (0.295, 0.605), (0.155, 0.077)),
}


def gamma_curve(gamma: float) -> Curve:
    def curve(stored: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(stored**gamma)

    return curve


def srgb_curve(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(stored <= 0.04045, stored / 12.92, ((stored + 0.055) / 1.055) ** 2.4))


def _smpte_240m_curve(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(stored < 0.0913, stored / 4.0, ((stored + 0.1115) / 1.1115) ** (1 / 0.45))


def pq_curve(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    """SMPTE ST 2084, up to the white of a page."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    root = stored ** (1 / m2)
    nits = 10_000 * (np.maximum(root - c1, 0) / (c2 - c3 * root)) ** (1 / m1)
    return np.asarray(np.minimum(nits / _WHITE_NITS, 1))


def hlg_curve(stored: NDArray[np.float64]) -> NDArray[np.float64]:
    """ITU-R BT.2100 on a display of 1,000 nits, up to the white of a page; its overall gamma is applied a channel."""
    a = 0.17883277
    b, c = 1 - 4 * a, 0.5 - a * np.log(4 * a)
    scene = np.where(stored <= 0.5, stored**2 / 3, (np.exp((stored - c) / a) + b) / 12)
    return np.minimum(scene**1.2 * _HLG_PEAK_NITS / _WHITE_NITS, 1)


H273_CURVES: dict[int, Curve] = {
    # Those of cameras (BT.709, BT.601, BT.2020) are shown as browsers show them: like sRGB.
    1: srgb_curve, 6: srgb_curve, 14: srgb_curve, 15: srgb_curve, 13: srgb_curve,
    4: gamma_curve(2.2), 5: gamma_curve(2.8), 7: _smpte_240m_curve, 8: gamma_curve(1.0),
    16: pq_curve, 17: lambda stored: np.minimum(stored**2.6 * 52.37 / 48, 1), 18: hlg_curve,
}  # fmt: skip


def rgb_profile(primaries: Primaries, curve: Curve, name: str = "RGB") -> bytes | None:
    """An ICC profile of a space of three colours.

    Returns:
        The profile; None: there is no such space (chromaticities on one line, or too far out).
    """
    colorants = _colorants(primaries)
    if colorants is None:
        return None
    trc = _curve_tag(curve)
    tags = {b"wtpt": _xyz_tag(_D50), b"rTRC": trc, b"gTRC": trc, b"bTRC": trc}
    tags |= {tag: _xyz_tag(colorants[:, i]) for i, tag in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    return profile_from_tags(b"mntr", b"RGB ", b"XYZ ", tags, name)


def grey_profile(curve: Curve, name: str = "grey") -> bytes:
    return profile_from_tags(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz_tag(_D50), b"kTRC": _curve_tag(curve)}, name)


def profile_from_h273(primaries: int, transfer: int) -> bytes | None:
    """The space that H.273 numbers so; None: sRGB, not said (2), or unknown."""
    if primaries not in H273_PRIMARIES or transfer not in H273_CURVES:
        return None
    if primaries == 1 and H273_CURVES[transfer] is srgb_curve:
        return None
    return rgb_profile(H273_PRIMARIES[primaries], H273_CURVES[transfer], f"H.273 {primaries}/{transfer}")


def _colorants(primaries: Primaries) -> NDArray[np.float64] | None:
    """XYZ of red, green and blue in columns, adapted to D50 (Bradford); None where there are none that are finite."""
    corners = (primaries.red, primaries.green, primaries.blue)
    if any(y <= 0 for _, y in (*corners, primaries.white)):
        return None
    columns = np.array([[x / y, 1.0, (1 - x - y) / y] for x, y in corners]).T
    x, y = primaries.white
    white = np.array([x / y, 1.0, (1 - x - y) / y])
    try:
        scaled = columns * np.linalg.solve(columns, white)
        cones = _BRADFORD @ white
        adapted = np.linalg.solve(_BRADFORD, np.diag(_BRADFORD @ _D50 / cones) @ _BRADFORD @ scaled)
    except (np.linalg.LinAlgError, FloatingPointError):
        return None
    usable = np.isfinite(adapted).all() and np.abs(adapted).max() < _MOST_XYZ and (cones > 0).all()
    return adapted if usable else None


def _xyz_tag(xyz: NDArray[Any]) -> bytes:
    return b"XYZ \0\0\0\0" + struct.pack(">3i", *(round(float(value) * 65536) for value in xyz))


def _curve_tag(curve: Curve) -> bytes:
    points = np.round(np.clip(curve(np.linspace(0, 1, _CURVE_POINTS)), 0, 1) * 65535).astype(">u2")
    return b"curv\0\0\0\0" + struct.pack(">I", _CURVE_POINTS) + bytes(points.tobytes())


def profile_from_tags(kind: bytes, space: bytes, pcs: bytes, tags: dict[bytes, bytes], name: str) -> bytes:
    """An ICC profile of these tags, described and in its place; tags that are alike are kept once."""
    text = name.encode("ascii") + b"\0"
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(78),
        b"cprt": b"text\0\0\0\0public domain\0",
        **tags,
    }
    table, data = b"", b""
    places: dict[bytes, int] = {}
    start = 128 + 4 + 12 * len(tags)
    for tag, content in tags.items():
        if content not in places:  # the three curves are one
            places[content] = start + len(data)
            data += content + bytes(-len(content) % 4)
        table += tag + struct.pack(">II", places[content], len(content))
    size = start + len(data)
    header = struct.pack(">I4xI4s4s4s12x4s40x", size, 0x02400000, kind, space, pcs, b"acsp")
    illuminant = _xyz_tag(_D50)[8:]
    return header[:68] + illuminant + bytes(48) + struct.pack(">I", len(tags)) + table + data
