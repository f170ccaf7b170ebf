"""Lines of text in a photo: found in the detector's map, cut out, and put together for the recogniser.

What rapidocr does itself, its own functions do here. It cannot be called as a whole, because it runs the networks too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from rapidocr.ch_ppocr_det.main import TextDetector
from rapidocr.ch_ppocr_det.utils import DBPostProcess, DetPreProcess
from rapidocr.utils.process_img import get_rotate_crop_image

from vitrine_steps.reading.sizes import LINE_HEIGHT_PX, LINES_A_GROUP, MOST_WIDTH_PX

_LEAST_WIDTH_PX = 320
_BLANK_WIDTH_PX = 8
_find_boxes = DBPostProcess(thresh=0.3, box_thresh=0.5, max_candidates=1000, unclip_ratio=1.6, use_dilation=True)


@dataclass(frozen=True)
class LineTensors:
    """Lines as the recogniser takes them, narrow ones first, R of them: a multiple of `LINES_A_GROUP`."""

    pixels: NDArray[np.uint8]
    """[R, 48, W, 3], BGR."""
    width: NDArray[np.int32]
    """[R]: columns of each that are its own; 0: there is no line."""
    group_width: NDArray[np.int32]
    """[R / 6]: columns that the recogniser sees of a group."""
    order: NDArray[np.intp]
    """[lines]: which line stands in each row."""


def detector_pixels(photo: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """Resize a photo, [h, w, 3], to sides of whole 32 px, the longer one at most `side_px`."""
    resized: NDArray[np.uint8] | None = DetPreProcess(side_px, "max").resize(photo)
    if resized is None:  # of a strip, one side would be gone
        height, width = (min(max(32, side // 32 * 32), side_px) for side in photo.shape[:2])
        return np.asarray(cv2.resize(photo, (width, height)), np.uint8)
    return resized


def boxes_in_map(text_map: NDArray[np.float32], height: int, width: int) -> NDArray[np.float32]:
    """Find lines of text: [lines, 4 corners from the upper left clockwise, 2] in pixels of a photo of that size.

    Args:
        text_map: [H, W], the detector's probability of text.
    """
    boxes, _ = _find_boxes(text_map[None, None], (height, width))
    if not len(boxes):
        return np.zeros((0, 4, 2), np.float32)
    return np.asarray(TextDetector.sorted_boxes(boxes), np.float32)


def affordable(boxes: NDArray[np.float32], *, most_lines: int, most_px: int, most_area_px: int) -> int:
    """Count how many of the first boxes may be read.

    Args:
        most_px: of their widths together, once each is 48 px high: a hostile photo is stripes from edge to edge.
        most_area_px: of their areas together: or boxes within boxes.
    """
    sides = np.linalg.norm(boxes - np.roll(boxes, -1, axis=1), axis=2)[:, :2]  # along, across
    ratios = sides.max(1, initial=1.0) / np.maximum(sides.min(1, initial=np.inf), 1.0)
    widths = np.minimum(LINE_HEIGHT_PX * ratios, MOST_WIDTH_PX)
    is_affordable = (np.cumsum(widths) <= most_px) & (np.cumsum(sides.prod(1)) <= most_area_px)
    return min(most_lines, int(is_affordable.sum()))


def line_tensors(photo: NDArray[np.uint8], boxes: NDArray[np.float32]) -> LineTensors:
    """Cut lines out of a photo, make them straight and 48 px high, and group them by their width."""
    crops = [get_rotate_crop_image(photo, box.copy()) for box in boxes]
    ratios = np.array([crop.shape[1] / crop.shape[0] for crop in crops])
    order = np.argsort(ratios)
    groups = -(-len(crops) // LINES_A_GROUP) or 1
    rows = groups * LINES_A_GROUP
    width = np.zeros(rows, np.int32)
    group_width = np.full(groups, _BLANK_WIDTH_PX, np.int32)
    for group in range(groups if len(crops) else 0):
        widest = ratios[order[group * LINES_A_GROUP : (group + 1) * LINES_A_GROUP]].max()
        full = LINE_HEIGHT_PX * max(widest, _LEAST_WIDTH_PX / LINE_HEIGHT_PX)
        group_width[group] = min(int(full), MOST_WIDTH_PX)
    pixels = np.zeros((rows, LINE_HEIGHT_PX, int(group_width.max()), 3), np.uint8)
    for row, line in enumerate(order):
        own = min(int(np.ceil(LINE_HEIGHT_PX * ratios[line])), int(group_width[row // LINES_A_GROUP]))
        pixels[row, :, :own] = cv2.resize(crops[line], (own, LINE_HEIGHT_PX))
        width[row] = own
    if not len(crops):
        width[0] = _BLANK_WIDTH_PX  # a run has one line at least
    return LineTensors(pixels, width, group_width, order)
