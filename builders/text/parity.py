"""Compares the text engines, with the serving steps around them, with rapidocr's own pipeline on the same weights."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidocr import RapidOCR
from shapely.geometry import Polygon

from builders.parity.report import OutputReport
from builders.repository.source import limit
from builders.text.read import TextEngines, read_lines
from builders.text.weights import TextWeights
from measuring.plain_text import plain
from vitrine_steps.reading.characters import with_usual_variants

MIN_EQUAL_LINES, MIN_IOU = 0.995, 0.98


def rapidocr_pipeline(weights: TextWeights) -> RapidOCR:
    """Make rapidocr read as this product does: no classifier, the detector's longer side as in the config."""
    return RapidOCR(
        params={
            "Global.use_cls": False,
            "Global.text_score": 0.0,
            "Global.log_level": "error",
            "Det.limit_type": "max",
            "Det.limit_side_len": limit("text_preprocess", "detector_side_px"),
            "Det.model_path": str(weights.detector),
            "Rec.model_path": str(weights.recogniser),
            "Rec.rec_keys_path": None if weights.characters_file is None else str(weights.characters_file),
        }
    )


def compare_text(
    engines: TextEngines, weights: TextWeights, photos: Sequence[NDArray[np.uint8]], *, is_cut: bool
) -> list[OutputReport]:
    """Report on lines and their boxes.

    Args:
        photos: [h, w, 3] in BGR, sides from 30 to 2,000 px.
        is_cut: see `recogniser_graph`. Where a group is not cut to its width, spaces and the width of signs, which
            follow it, do not count.
    """
    same = str if is_cut else plain
    pipeline = rapidocr_pipeline(weights)
    texts, overlaps, count = 0, 0, 0
    for photo in photos:
        expected: Any = pipeline(photo)  # of several types, by what it was asked to do
        known = [] if expected.txts is None else list(zip(expected.txts, expected.boxes, strict=True))
        got = read_lines(engines, photo)
        count += max(len(known), len(got))
        for (text, box), (said, place) in zip(got, known, strict=False):
            texts += same(text) == same(with_usual_variants(said))
            overlaps += iou(box, place) >= MIN_IOU
    return [
        _report("TEXT", count, texts),
        _report("TEXT_BOX", count, overlaps),
    ]


def iou(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Area that two boxes share, over that of both together."""
    a, b = Polygon(one).buffer(0), Polygon(other).buffer(0)
    whole = a.union(b).area
    return float(a.intersection(b).area / whole) if whole else 0.0


def _report(name: str, count: int, equal: int) -> OutputReport:
    ratio = equal / count if count else 0.0
    return OutputReport(name, count, 0.0, None, ratio, MIN_EQUAL_LINES, ratio >= MIN_EQUAL_LINES)
