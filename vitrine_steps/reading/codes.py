"""Barcodes and QR codes in a photo."""

from dataclasses import dataclass

import cv2
import numpy as np
import zxingcpp
from numpy.typing import NDArray

_MOST_CODES = 32
_LINE_CODES = zxingcpp.barcode_formats_from_str("EAN13,EAN8,UPCA,Code128,Code39,ITF14,DataBar")
"""Line codes of products. UPC-E is left out: it was found where other codes were cut by a turn."""
_ALL_CODES = zxingcpp.barcode_formats_from_str("EAN13,EAN8,UPCA,Code128,Code39,ITF14,DataBar,QRCode")
"""Data Matrix, Aztec and PDF417 are on no shelf, and would take three times as long on a photo full of text."""
_TURNS_DEG = (-22.5, 22.5)
"""A line code is read along rows and columns, a little aslant: of 200 turned by up to 30 degrees, 174 without these
turns, all with them."""
_TURNED_SIDE_PX = 800  # longer side of the photo as it is turned: twice the pixels take twice as long


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
    for found, corners in _apart(_codes_at_any_angle(photo))[:_MOST_CODES]:
        box = (corners / [width, height]).clip(0, 1).tolist()
        codes.append(Code(found.text, str(found.format), box))
    return codes


_Read = tuple[zxingcpp.Barcode, NDArray[np.float64]]
"""A code and its corners, [4, 2] in pixels of the photo."""


def _codes_at_any_angle(photo: NDArray[np.uint8]) -> list[_Read]:
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    if found := _read(grey, np.eye(2, 3), _ALL_CODES):
        return found  # parts of a code that is turned away are taken for others: 9 of 300 got a second, wrong one
    height, width = photo.shape[:2]
    scale = min(1.0, _TURNED_SIDE_PX / max(height, width))
    for angle_deg in _TURNS_DEG:
        matrix = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, scale), np.float64)
        reach = np.abs(matrix[:, :2]) @ [width, height]
        matrix[:, 2] += reach / 2 - np.array([width, height]) / 2
        size = (int(reach[0]), int(reach[1]))
        turned = np.asarray(cv2.warpAffine(grey, matrix, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)
        if found := _read(turned, np.array(cv2.invertAffineTransform(matrix), np.float64), _LINE_CODES):
            return found
    return []


def _read(grey: NDArray[np.uint8], back: NDArray[np.float64], kinds: zxingcpp.BarcodeFormats) -> list[_Read]:
    """Read codes as they stand.

    Args:
        back: [2, 3], from the pixels of this picture to those of the photo.
    """
    read = []
    for found in zxingcpp.read_barcodes(grey, formats=kinds):
        at = found.position
        points = [(p.x, p.y, 1) for p in (at.top_left, at.top_right, at.bottom_right, at.bottom_left)]
        read.append((found, np.array(points) @ back.T))
    return read


def _apart(read: list[_Read]) -> list[_Read]:
    """Leave out what was read within another code: a part of it that was taken for a whole."""
    kept: list[_Read] = []
    for found, corners in read:
        middle = corners.mean(0)
        if not any((middle >= k.min(0)).all() and (middle <= k.max(0)).all() for _, k in kept):
            kept.append((found, corners))
    return kept
