"""Barcodes and QR codes in a photo."""

from dataclasses import dataclass

import numpy as np
import zxingcpp
from numpy.typing import NDArray

_MOST_CODES = 32


@dataclass(frozen=True)
class Code:
    text: str
    kind: str
    """Its standard, such as "EAN-13" or "QR Code"."""
    box: list[list[float]]
    """Four corners, x and y as shares of the photo, from the code's own upper left clockwise."""


def codes_in(photo: NDArray[np.uint8]) -> list[Code]:
    """Read the codes of a photo, [h, w, 3], whose check digits are right; 32 at most."""
    height, width = photo.shape[:2]
    codes = []
    for found in zxingcpp.read_barcodes(photo)[:_MOST_CODES]:
        corners = found.position
        points = (corners.top_left, corners.top_right, corners.bottom_right, corners.bottom_left)
        codes.append(Code(found.text, str(found.format), [[p.x / width, p.y / height] for p in points]))
    return codes
