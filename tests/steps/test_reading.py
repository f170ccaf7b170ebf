"""Lines and codes found in photos, without a server."""

import io
import json
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from catalogue.code_photos import code_from_seed
from vitrine_steps.file_format import FormatError
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo
from vitrine_steps.reading.certainty import LineCalibration, confidence_of, read_line_calibration, status_of
from vitrine_steps.reading.characters import LineReader
from vitrine_steps.reading.codes import codes_in
from vitrine_steps.reading.found import Found, Line, found_from_tensor, to_tensor
from vitrine_steps.reading.lines_of_text import affordable as affordable_lines
from vitrine_steps.reading.lines_of_text import boxes_in_map, detector_pixels, line_tensors
from vitrine_steps.reading.reading_order import in_reading_order
from vitrine_steps.reading.sizes import LINES_A_GROUP, MOST_WIDTH_PX


def box(left: float, top: float, right: float, bottom: float) -> list[list[float]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def line(text: str = "净含量", mean: float = 0.99, least: float = 0.95, height_px: float = 30.0) -> Line:
    return Line(text, box(0.1, 0.1, 0.5, 0.15), mean, least, height_px)


@pytest.mark.parametrize(
    ("width", "height", "expected"), [(640, 480, (480, 640)), (2000, 1000, (480, 960)), (30, 2000, (960, 32))]
)
def test_the_detector_gets_sides_of_whole_32_px(width: int, height: int, expected: tuple[int, int]) -> None:
    pixels = detector_pixels(np.zeros((height, width, 3), np.uint8), 960)
    assert pixels.shape == (*expected, 3)


def test_a_photo_inside_a_side_keeps_its_shape_and_is_never_enlarged() -> None:
    def read(width: int, height: int) -> tuple[int, ...]:
        buffer = io.BytesIO()
        Image.new("RGB", (width, height), "red").save(buffer, "AVIF" if width == 300 else "PNG")
        limits = PhotoLimits()
        return pixels_from_photo(buffer.getvalue(), side_px=200, limits=limits, draft_ratio=1, fit="inside").shape

    assert read(400, 100) == (50, 200, 3)
    assert read(300, 900) == (200, 67, 3)  # in a process of its own
    assert read(40, 30) == (30, 40, 3)


def test_boxes_are_found_where_the_map_is_high() -> None:
    text_map = np.zeros((64, 128), np.float32)
    text_map[20:32, 16:96] = 0.9
    [found] = boxes_in_map(text_map, 128, 256)
    assert np.abs(found.min(0) - [32, 40]).max() <= 16  # a little larger: letters reach over the middle of their line
    assert np.abs(found.max(0) - [192, 64]).max() <= 16
    assert boxes_in_map(np.zeros((64, 64), np.float32), 64, 64).shape == (0, 4, 2)


def test_lines_are_grouped_by_width_narrow_ones_first() -> None:
    photo = np.random.default_rng(0).integers(0, 255, (400, 1000, 3), np.uint8)
    widths = [900, 100, 300, 200, 700, 600, 500, 50]
    boxes = np.array([box(10, 10 + 40 * n, 10 + width, 40 + 40 * n) for n, width in enumerate(widths)], np.float32)
    lines = line_tensors(photo, boxes)
    assert [widths[number] for number in lines.order] == sorted(widths)
    assert lines.pixels.shape == (2 * LINES_A_GROUP, 48, 1440, 3)
    assert (lines.width[:8] > 0).all()
    assert not lines.width[8:].any()
    assert lines.group_width.tolist() == [960, 1440]


def test_a_photo_without_lines_gives_one_blank_one() -> None:
    lines = line_tensors(np.zeros((40, 40, 3), np.uint8), np.zeros((0, 4, 2), np.float32))
    assert lines.pixels.shape == (LINES_A_GROUP, 48, 8, 3)
    assert not lines.order.size


def test_a_line_of_five_hundred_characters_is_squeezed_not_refused() -> None:
    lines = line_tensors(np.zeros((20, 2000, 3), np.uint8), np.array([box(0, 0, 2000, 8)], np.float32))
    assert lines.width[0] == MOST_WIDTH_PX


@pytest.mark.parametrize("turn_deg", [0, 20, -30])
def test_lines_come_in_the_order_in_which_people_read(turn_deg: float) -> None:
    placed = [box(0, 0, 200, 20), box(0, 40, 90, 62), box(110, 42, 300, 60), box(0, 80, 200, 100)]
    angle = np.deg2rad(turn_deg)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    shuffled = [2, 0, 3, 1]
    order = in_reading_order(np.array([placed[number] for number in shuffled], np.float32) @ turn)
    assert [shuffled[number] for number in order] == [0, 1, 2, 3]
    assert in_reading_order(np.zeros((0, 4, 2), np.float32)) == []


def test_characters_that_come_twice_in_a_row_are_one() -> None:
    reader = LineReader(["净", "a", "凈"])
    ids = np.array([0, 1, 1, 0, 2, 2, 0, 2, 3, 4, 0])
    text, shares = reader.text(ids, np.linspace(0, 1, len(ids), dtype=np.float32))
    assert text == "净aa净 "  # the last is a space; of two forms of one character, the usual one
    assert np.allclose(shares, [0.1, 0.4, 0.7, 0.8, 0.9])
    assert reader.text(np.zeros(5, np.int32), np.ones(5, np.float32)) == ("", [])
    assert reader.text(np.array([4, 4]), np.ones(2, np.float32)) == ("", [])  # spaces are no line


def test_what_was_found_comes_back_from_its_tensor() -> None:
    codes = codes_in(np.asarray(Image.open(io.BytesIO(code_from_seed(2).jpeg_bytes))))
    found = Found("ab" * 32, [line("净含量：500克"), line("\u2028 «'\"")], 3, codes)
    assert found_from_tensor(to_tensor(found)) == found


@pytest.mark.parametrize("seed", range(0, 60, 5))
def test_codes_are_read_at_any_angle_where_they_are(seed: int) -> None:
    drawn = code_from_seed(seed)
    [code] = codes_in(np.asarray(Image.open(io.BytesIO(drawn.jpeg_bytes))))
    assert code.text == drawn.text
    assert code.kind in ("EAN-13", "Code 128", "QR Code")
    corners = np.array(code.box)
    assert ((corners >= 0) & (corners <= 1)).all()
    assert np.ptp(corners, axis=0).max() > 0.1


CALIBRATION = LineCalibration((-10.0, -2.0, -1.0, -3.0, 0.0, -1.0), 4.0, 0.05)


def test_confidence_falls_with_doubt_and_a_stricter_risk_makes_lines_unsure() -> None:
    good, bad = (confidence_of(line(least=least, mean=least), CALIBRATION) for least in (0.99, 0.4))
    assert good > bad
    assert status_of(0.96, CALIBRATION, None) == "sure"
    assert status_of(0.96, CALIBRATION, 0.01) == "unsure"
    assert status_of(0.90, CALIBRATION, 0.5) == "unsure"  # a laxer risk has no effect
    assert np.isnan(confidence_of(line(), None))
    assert status_of(float("nan"), None, None) == "unsure"


def test_the_calibration_of_a_build_is_read_and_another_format_refused(tmp_path: Path) -> None:
    file = tmp_path / "text_calibration.json"
    assert read_line_calibration(file) is None
    shipped = Path("builders/text/calibrations/small.json").read_text("utf-8")
    file.write_text(shipped, "utf-8")
    found = read_line_calibration(file)
    assert found
    assert confidence_of(line(mean=0.999, least=0.99), found) > 0.9
    file.write_text(json.dumps(json.loads(shipped) | {"format": 2}), "utf-8")
    with pytest.raises(FormatError, match="format 1 is expected"):
        read_line_calibration(file)
    file.write_text(json.dumps(json.loads(shipped) | {"weights": [1.0]}), "utf-8")
    with pytest.raises(FormatError, match="has 1 weights, but 6 are expected"):
        read_line_calibration(file)


def test_lines_are_read_while_they_are_affordable() -> None:
    affordable = partial(affordable_lines, most_area_px=10**9)
    boxes = np.array([box(0, 10 * n, 100, 10 * n + 10) for n in range(20)], np.float32)  # 480 px each
    assert affordable(boxes, most_lines=192, most_px=100_000) == 20
    assert affordable(boxes, most_lines=7, most_px=100_000) == 7
    assert affordable(boxes, most_lines=192, most_px=1000) == 2
    stripes = np.array([box(0, 10 * n, 2000, 10 * n + 4) for n in range(120)], np.float32)
    assert affordable(stripes, most_lines=192, most_px=60_000) == 25  # each is as wide as a line may be
    assert affordable(np.zeros((0, 4, 2), np.float32), most_lines=192, most_px=60_000) == 0
    nested = np.array([box(n, n, 1000 - n, 1000 - n) for n in range(20)], np.float32)
    assert affordable_lines(nested, most_lines=192, most_px=60_000, most_area_px=2_000_000) == 2
