"""What is near by vectors and by colours, products photographed otherwise, and what is told of a folder of photos."""

import hashlib
import io
import math
import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command_line.errors import UsageError
from evaluation.nearest import colour_histogram, found_among_first, same_among_nearest, same_by_chance
from evaluation.scenes import in_front_of, is_cut_out, on_plain_ground, part_in_other_light
from evaluation.similar_folder import evaluate_folder


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def cut_out(colour: str) -> Image.Image:
    image = Image.new("RGBA", (60, 40))
    image.paste(colour, (10, 10, 50, 30))
    return image


def on_axes(*axes: int) -> np.ndarray:
    return np.eye(4, dtype=np.float32)[list(axes)]


def test_a_histogram_tells_colours_and_not_places() -> None:
    red, blue = Image.new("RGB", (40, 40), "red"), Image.new("RGB", (40, 40), "blue")
    left, right = red.copy(), red.copy()
    left.paste(blue.resize((20, 40)), (0, 0))
    right.paste(blue.resize((20, 40)), (20, 0))
    of = {name: colour_histogram(png(one)) for name, one in
          (("red", red), ("blue", blue), ("left", left), ("right", right))}  # fmt: skip
    assert of["red"] @ of["blue"] == 0
    assert of["left"] @ of["right"] == pytest.approx(1, abs=0.01)
    assert 0.5 < of["left"] @ of["red"] < 0.8


def test_the_nearest_are_counted_up_to_as_many_as_a_class_has() -> None:
    classes = ["a", "a", "b", "b", "c"]  # c has no other
    assert same_among_nearest(on_axes(0, 0, 1, 1, 2), classes, 10) == 1
    assert same_among_nearest(on_axes(0, 1, 0, 1, 2), classes, 1) == 0
    assert same_by_chance(classes, 10) == pytest.approx(1 / 4)
    assert math.isnan(same_among_nearest(on_axes(0, 1), ["a", "b"], 1))
    assert math.isnan(same_by_chance(["a", "b"], 1))


def test_chance_is_what_vectors_without_meaning_reach() -> None:
    """Share of 400 photos: one of 30 % has a standard error of 1 % or so here, and five are allowed."""
    drawn = np.random.default_rng(0)
    classes = drawn.integers(0, 3, 400).tolist()
    vectors = drawn.normal(size=(400, 16)).astype(np.float32)
    assert same_among_nearest(vectors, classes, 10) == pytest.approx(same_by_chance(classes, 10), abs=0.05)


def test_a_query_is_found_among_the_first() -> None:
    queries = np.array([[0.9, 0.1, 0, 0], [0.4, 0.6, 0, 0]], np.float32)
    assert found_among_first(queries, [0, 0], on_axes(0, 1, 2), 1) == 0.5
    assert found_among_first(queries, [0, 0], on_axes(0, 1, 2), 2) == 1


def test_scenes_show_the_product_whole_and_are_drawn_alike_each_time() -> None:
    product, ground = cut_out("red"), Image.new("RGB", (300, 200), "white")
    for change in (on_plain_ground, lambda image, draw: in_front_of(image, [ground], draw)):
        first, again, other = (change(product, random.Random(seed)) for seed in (1, 1, 2))
        assert first.tobytes() == again.tobytes()
        assert first.tobytes() != other.tobytes()
        red, green, _ = (np.asarray(channel, int) for channel in first.split())
        assert 0.02 < (red > green + 100).mean() < 0.6, "as large as it was drawn, and nothing cut off"
    part = part_in_other_light(Image.new("RGB", (100, 50), "grey"), random.Random(0))
    assert (65 <= part.width <= 90, 32 <= part.height <= 45) == (True, True)


def test_only_what_is_transparent_is_a_cut_out() -> None:
    assert is_cut_out(cut_out("red"))
    assert not is_cut_out(Image.new("RGBA", (8, 8), "red"))
    assert not is_cut_out(Image.new("RGB", (8, 8)))


def test_a_folder_s_classes_are_told_apart_by_each_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (name, colour) in enumerate(
        [("warm/a", "red"), ("warm/a", "red"), ("warm/b", "orange"), ("warm/b", "orange"), ("cold", "blue"),
         ("cold", "blue")]
    ):  # fmt: skip
        (tmp_path / name).mkdir(parents=True, exist_ok=True)
        image = cut_out(colour) if number < 4 else Image.new("RGB", (50, 50), colour)
        (tmp_path / name / f"{number}.png").write_bytes(png(image))

    def by_bytes(photo: bytes) -> np.ndarray:
        """Vectors of photos that are equal are equal, and no others'."""
        vector = np.random.default_rng(list(hashlib.sha256(photo).digest())).normal(size=64)
        return (vector / np.linalg.norm(vector)).astype(np.float32)

    evaluate_folder(tmp_path, by_bytes)
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("6 photos, 2 classes")
    assert said[1].endswith("vectors 100.0%, colours 100.0%, chance 46.7%")
    assert said[4].startswith("6 photos, 3 classes")
    assert said[5].endswith("vectors 100.0%, colours 100.0%, chance 20.0%")
    assert [line.partition(",")[2] for line in said if "photographed" in line] == [
        f" {ground}, found among all 6:"
        for ground in ("on a plain ground", "in front of a photo", "a part in other light")
    ]


def test_a_folder_without_photos_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there are no photos: name a folder with \.jpg"):
        evaluate_folder(tmp_path, lambda photo: np.zeros(4, np.float32))
