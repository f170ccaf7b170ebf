"""The two engines that read text, as the targets compile them."""

from builders.engine_spec import Axis, EngineSpec, TensorSpec
from builders.repository.source import limit
from vitrine_steps.reading.sizes import LINE_HEIGHT_PX, LINES_A_GROUP, MOST_WIDTH_PX

TEXT_DETECTOR, TEXT_RECOGNISER = "text_detector", "text_recogniser"
TEXT_MODELS = {
    "photo_reading", "photo_text", "text_preprocess", TEXT_DETECTOR, "text_crops", TEXT_RECOGNISER, "text_decode",
    "reading_postprocess",
}  # fmt: skip
"""Models of the contract that a build without text leaves out."""
_MOST_SIDE_PX = 4096


def text_engine_specs() -> tuple[EngineSpec, EngineSpec]:
    """Describe both. A run takes one photo: sizes differ, and photos of different sizes are no batch."""
    side_px = limit("text_preprocess", "detector_side_px")
    most_lines = limit("text_crops", "most_lines")
    height, width = (Axis(name, 32, 736, side_px, _MOST_SIDE_PX, traced=64, timed=640) for name in ("height", "width"))
    lines = Axis("lines", LINES_A_GROUP, 2 * LINES_A_GROUP, most_lines, most_lines, traced=12, timed=12)
    line_width = Axis("line_width", 8, 640, MOST_WIDTH_PX, MOST_WIDTH_PX, traced=320, timed=640)
    groups = Axis("groups", 1, 2, most_lines // LINES_A_GROUP, most_lines // LINES_A_GROUP, traced=2, timed=2)
    return (
        EngineSpec(
            TEXT_DETECTOR,
            (TensorSpec("TEXT_PIXELS", "uint8", (height, width, 3), "bytes"),),
            ("TEXT_MAP",),
            _not_exported,
            one_at_a_time=True,
        ),
        EngineSpec(
            TEXT_RECOGNISER,
            (
                TensorSpec("LINE_PIXELS", "uint8", (lines, LINE_HEIGHT_PX, line_width, 3), "bytes"),
                TensorSpec("LINE_WIDTH", "int32", (lines,), "tokens"),
                TensorSpec("GROUP_WIDTH", "int32", (groups,), "tokens"),
            ),
            ("CHARACTER_IDS", "CHARACTER_PROBABILITIES"),
            _not_exported,
            is_loop=True,
            one_at_a_time=True,
        ),
    )


def _not_exported(checkpoint: object, precision: str) -> object:
    raise AssertionError("text engines come as graphs: builders/text/graphs.py")
