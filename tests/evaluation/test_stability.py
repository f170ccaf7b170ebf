"""What counts as the same photo, and as the same answer."""

import io
import random

import numpy as np
import pytest
from PIL import Image, ImageOps

from catalogue.photos import photo_from_seed
from evaluation.stability import meaning, photo_variants

PHOTO = photo_from_seed(10_000_001, long_side_px=(256, 300))


@pytest.mark.parametrize("seed", range(4))
def test_variants_show_the_same(seed: int) -> None:
    variants = photo_variants(PHOTO.jpeg_bytes(), random.Random(seed))
    before = np.asarray(Image.open(io.BytesIO(PHOTO.jpeg_bytes())).resize((64, 64)), float)
    assert len(variants) == 5
    for name, encoded in variants.items():
        upright = ImageOps.exif_transpose(Image.open(io.BytesIO(encoded)))
        after = np.asarray(upright.resize((64, 64)), float)
        assert np.abs(after - before).mean() < 25, name


def test_a_turned_variant_is_turned_in_its_pixels() -> None:
    turned = photo_variants(PHOTO.jpeg_bytes(), random.Random(0))["turned, with an EXIF note"]
    image = Image.open(io.BytesIO(turned))
    assert image.size == PHOTO.image.size[::-1]
    assert ImageOps.exif_transpose(image).size == PHOTO.image.size


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("red", "红色", True),
        ("mug", "马克杯", True),
        ("cannot tell", "看不出来", True),
        ("yes", "是", True),
        ("2", "2", True),
        ("T-shirt", "t恤", True),
        ("red", "蓝色", False),
        ("yes", "不是", False),
    ],
)
def test_an_answer_means_the_same_in_both_languages(first: str, second: str, same: bool) -> None:
    assert (meaning(first) == meaning(second)) is same
