"""The chain of `photo_text` in one process: engines, and the steps around them, without a server."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builders.parity.outputs import Engine
from builders.repository.source import limit
from vitrine_steps.reading.characters import LineReader
from vitrine_steps.reading.lines_of_text import boxes_in_map, detector_pixels, line_tensors


@dataclass(frozen=True)
class TextEngines:
    detector: Engine
    recogniser: Engine
    characters: Sequence[str]


def read_lines(engines: TextEngines, photo: NDArray[np.uint8]) -> list[tuple[str, NDArray[np.float32]]]:
    """Read a photo, [h, w, 3] in BGR: each line's text and its box, [4, 2] in pixels, from the top."""
    found = engines.detector(
        {"TEXT_PIXELS": detector_pixels(photo, limit("text_preprocess", "detector_side_px"))[None]}
    )
    boxes = boxes_in_map(found["TEXT_MAP"][0], *photo.shape[:2])
    if not len(boxes):
        return []
    lines = line_tensors(photo, boxes)
    said = engines.recogniser(
        {"LINE_PIXELS": lines.pixels[None], "LINE_WIDTH": lines.width[None], "GROUP_WIDTH": lines.group_width[None]}
    )
    reader = LineReader(list(engines.characters))
    texts = [""] * len(boxes)
    for row, line in enumerate(lines.order):
        texts[line], _ = reader.text(said["CHARACTER_IDS"][0, row], said["CHARACTER_PROBABILITIES"][0, row])
    return [(text, box) for text, box in zip(texts, boxes, strict=True) if text]
