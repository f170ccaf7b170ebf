"""Order in which people read lines of text, and vertical Chinese put together."""

import numpy as np
from numpy.typing import NDArray

_SAME_ROW = 0.5
"""Share of the lower line's height by which two lines overlap that stand in one row."""


def in_reading_order(boxes: NDArray[np.float32]) -> list[int]:
    """Number lines row by row from the top, each row from the left, along the direction in which most of them run.

    Args:
        boxes: [lines, 4 corners from the upper left clockwise, 2], in pixels.
    """
    if not len(boxes):
        return []
    along = boxes[:, 1] - boxes[:, 0]
    angle = np.median(np.arctan2(along[:, 1], along[:, 0]))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    straight = boxes @ turn
    top, bottom, left = straight[:, :, 1].min(1), straight[:, :, 1].max(1), straight[:, :, 0].min(1)
    rows: list[list[int]] = []
    for line in np.argsort((top + bottom) / 2, kind="stable"):
        if rows and _overlap(top, bottom, rows[-1][0], line) > _SAME_ROW:
            rows[-1].append(int(line))
        else:
            rows.append([int(line)])
    return [line for row in rows for line in sorted(row, key=lambda number: float(left[number]))]


def _overlap(top: NDArray[np.float32], bottom: NDArray[np.float32], one: int, other: int) -> float:
    shared = min(bottom[one], bottom[other]) - max(top[one], top[other])
    return float(shared / max(1.0, min(bottom[one] - top[one], bottom[other] - top[other])))
