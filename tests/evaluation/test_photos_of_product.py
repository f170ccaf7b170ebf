"""Several photos of one product: the product stays the same, one photo is spoilt, and rules stand side by side."""

import itertools
import random

import numpy as np
import pytest
from vitrine_client import Answer
from vitrine_client.several import product_of_probabilities

from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import Question
from evaluation.photos_of_product import (
    Outcome,
    calibration_error,
    mean_probability,
    products,
    right_share,
    spoilt_photo,
    surest,
    table,
)

SAID = [{"red": 0.8, "pink": 0.2}, {"pink": 0.6, "red": 0.3}]


def outcome(way: str, text: str, confidence: float, status: str = "answered") -> Outcome:
    answer = Answer(text, status, confidence, "", (), np.zeros((0, 0), np.float32), "r", "i")  # type: ignore[arg-type]
    return Outcome(way, Question("What colour?", "en", "colour", "red"), answer)


def test_three_photos_show_the_same_product() -> None:
    for attributes, seeds in itertools.islice(products(0), 5):
        assert len(set(seeds)) == 3
        assert {attributes_from_seed(seed) for seed in seeds} == {attributes}


@pytest.mark.parametrize("way", ["blurred", "half covered"])
def test_a_photo_is_spoilt_where_the_product_is(way: str) -> None:
    photo = photo_from_seed(10_000_000, long_side_px=(200, 200))
    assert spoilt_photo(photo, "whole", random.Random(0)) == photo.image
    changed = np.asarray(spoilt_photo(photo, way, random.Random(0)), np.int16) - np.asarray(photo.image, np.int16)
    is_product = np.asarray(photo.mask) > 0
    assert np.abs(changed[is_product]).mean() > np.abs(changed[~is_product]).mean()


def test_the_rules() -> None:
    assert surest(SAID) == {"red": 0.8, "pink": 0.2}
    assert mean_probability(SAID) == pytest.approx({"red": 0.55, "pink": 0.4})
    product = product_of_probabilities(SAID)
    assert product["red"] / product["pink"] == pytest.approx(0.24 / 0.12)
    assert sum(product.values()) < 1


def test_what_is_counted() -> None:
    rows = [outcome("one photo, whole", "red", 1.0), outcome("one photo, whole", "pink", 0.5, "hand_over")]
    assert right_share(rows) == 0.5
    assert calibration_error(rows, bins=2) == pytest.approx(0.25)
    rows += [Outcome(row.way, Question("什么颜色？", "zh", "colour", "红色"), row.answer) for row in rows]
    (line,) = [line for line in table(rows).splitlines() if line.startswith("one photo, whole")]
    assert line.split()[3:8] == ["25.00%", "50.00%", "0.00%", "50.00%", "50.00%"]
