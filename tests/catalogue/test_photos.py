"""The catalogue's photos: deterministic, varied, and true to their labels."""

import io

import numpy as np
import pytest
from PIL import Image

from catalogue.attributes import CATEGORIES, COLOURS, MAX_COUNT, PATTERNS
from catalogue.paint import RGB, pattern_coverage
from catalogue.photos import LONG_SIDE_PX, attributes_from_seed, photo_from_seed
from catalogue.shapes import BODY, SHAPES, material_map


def test_one_seed_draws_one_photo() -> None:
    first, second = photo_from_seed(5), photo_from_seed(5)
    assert first.jpeg_bytes() == second.jpeg_bytes()
    assert first.jpeg_bytes() != photo_from_seed(6).jpeg_bytes()


def test_truth_is_known_without_drawing() -> None:
    assert [attributes_from_seed(seed) for seed in range(5)] == [photo_from_seed(seed).attributes for seed in range(5)]


def test_the_catalogue_is_as_wide_as_promised() -> None:
    assert len(CATEGORIES) >= 20
    assert len(COLOURS) >= 12
    assert len(PATTERNS) >= 5
    assert MAX_COUNT == 4
    drawn = [attributes_from_seed(seed) for seed in range(2000)]
    assert {a.category for a in drawn} == set(CATEGORIES) == set(SHAPES)
    assert {a.colour for a in drawn} == set(COLOURS) == set(RGB)
    assert {a.pattern for a in drawn} == set(PATTERNS)
    assert {a.count for a in drawn} == {1, 2, 3, 4}


@pytest.mark.parametrize("seed", range(12))
def test_a_photo_is_what_it_says(seed: int) -> None:
    photo = photo_from_seed(seed)
    assert LONG_SIDE_PX[0] <= max(photo.image.size) <= LONG_SIDE_PX[1]
    assert photo.mask.size == photo.image.size
    assert len(photo.centres_xy) == photo.attributes.count
    assert Image.open(io.BytesIO(photo.jpeg_bytes())).size == photo.image.size
    share = np.asarray(photo.mask).mean() / 255
    assert 0.02 < share < 0.8, "the product is there, and it is not everything"


@pytest.mark.parametrize("seed", range(40))
def test_items_do_not_touch(seed: int) -> None:
    """Otherwise counting them would have no right answer."""
    from skimage.measure import label

    photo = photo_from_seed(seed, long_side_px=(300, 400))
    height = np.asarray(photo.mask).shape[0]
    rows = label(np.asarray(photo.mask) > 0)
    # Parts of one item may be apart (the two lenses of a pair of glasses), so regions are told apart by nearest centre.
    width = photo.mask.width
    owners = set()
    for region in range(1, rows.max() + 1):
        ys, xs = np.nonzero(rows == region)
        if len(ys) < 20:
            continue
        distances = [(x * width - xs.mean()) ** 2 + (y * height - ys.mean()) ** 2 for x, y in photo.centres_xy]
        owners.add(int(np.argmin(distances)))
    assert len(owners) == photo.attributes.count


@pytest.mark.parametrize("category", CATEGORIES)
@pytest.mark.parametrize("pattern", [p for p in PATTERNS if p != "plain"])
def test_every_pattern_shows_on_every_product(category: str, pattern: str) -> None:
    materials = material_map(category, 200)
    body = np.asarray(materials) == BODY
    coverage = pattern_coverage(materials, pattern, 5.0, 0.3)[body].mean()
    assert 0.15 < coverage < 0.75
