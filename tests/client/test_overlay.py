"""Where a question looked, on the photo itself: in its own size, upright, in the right corner."""

import io

import numpy as np
import pytest
from PIL import Image
from vitrine_client import FakeTransport, VqaClient
from vitrine_client.errors import InvalidPhotoError
from vitrine_client.overlay import overlay_heatmap


def looked_at(row: int, column: int) -> np.ndarray:
    heatmap = np.zeros((7, 7), np.float32)
    heatmap[row, column] = 1
    return heatmap


@pytest.mark.parametrize(("row", "column"), [(0, 0), (0, 6), (6, 0), (6, 6), (3, 3)])
@pytest.mark.parametrize("colour", ["blue", "red", "orange", "white"])
def test_the_photo_stays_bright_where_the_map_says(row: int, column: int, colour: str) -> None:
    photo = Image.new("RGB", (350, 140), colour)  # stretched to a square, and back
    pixels = np.asarray(overlay_heatmap(photo, looked_at(row, column))).astype(int)
    assert pixels.shape == (140, 350, 3)
    bright = pixels.sum(2)
    assert bright.min() < 0.6 * bright.max(), "the rest is darker"
    y, x = (places.mean() for places in np.nonzero(bright >= 0.95 * bright.max()))
    assert abs(y - (row + 0.5) * 20) <= 12
    assert abs(x - (column + 0.5) * 50) <= 30


def test_a_turned_photo_is_shown_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    Image.new("RGB", (80, 40), "blue").save(buffer, "JPEG", exif=exif)
    assert overlay_heatmap(buffer.getvalue(), looked_at(0, 0)).size == (40, 80)


def test_a_map_of_nothing_leaves_the_photo() -> None:
    photo = Image.new("RGB", (20, 10), "green")
    assert np.array_equal(np.asarray(overlay_heatmap(photo, np.zeros((7, 7), np.float32))), np.asarray(photo))


@pytest.mark.parametrize("question", ["What is it?", "这是什么？"])
def test_an_answer_draws_itself(question: str) -> None:
    photo = Image.new("RGB", (64, 48), "white")
    with VqaClient(transport=FakeTransport({question: "mug"})) as client:
        assert client.ask(photo, question).overlay(photo).size == (64, 48)


@pytest.mark.parametrize("photo", [b"", b"no picture", b"\xff\xd8\xff\xe0 cut short"])
def test_what_is_no_picture_is_said(photo: bytes) -> None:
    with pytest.raises(InvalidPhotoError, match=f"the photo .{len(photo)} bytes. is no picture"):
        overlay_heatmap(photo, np.ones((2, 2), np.float32))


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white_as_the_model_sees_it(mode: str) -> None:
    photo = Image.new("RGBA", (20, 10), (0, 0, 0, 0)).convert(mode)
    if mode == "P":
        photo.info["transparency"] = photo.getpixel((0, 0))
    buffer = io.BytesIO()
    photo.save(buffer, "PNG")
    drawn = overlay_heatmap(buffer.getvalue(), np.zeros((7, 7), np.float32))
    assert (np.asarray(drawn) == 255).all()
    half = Image.new("RGBA", (20, 10), (0, 0, 0, 128))
    assert np.asarray(overlay_heatmap(half, np.zeros((7, 7), np.float32))).mean() == 127
