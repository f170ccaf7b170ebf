"""Textures: drawn on the product alone, each its own, and asked about in both languages."""

import random
from typing import Any

import numpy as np
import pytest

from catalogue.dataset import records
from catalogue.photos import photo_from_seed
from catalogue.textures import TEXTURES, surface, texture_from_seed
from catalogue.wordings import NO, YES


def test_each_texture_is_its_own() -> None:
    drawn = [surface(96, texture, 0.3) for texture in TEXTURES]
    assert len({shade.tobytes() for shade in drawn}) == len(TEXTURES)
    for shade in drawn:
        assert shade.shape == (96, 96)
        assert np.abs(shade).max() <= 1
        assert np.ptp(shade) > 0.5


@pytest.mark.parametrize("seed", [3, 4])
def test_a_texture_changes_the_product_alone(seed: int) -> None:
    rng = random.Random(seed)
    plain, textured = photo_from_seed(seed), photo_from_seed(seed, texture=rng.choice(list(TEXTURES)))
    assert plain.attributes == textured.attributes
    assert plain.mask.tobytes() == textured.mask.tobytes()
    changed = np.asarray(plain.image) != np.asarray(textured.image)
    product = np.asarray(plain.mask) > 0
    assert changed[product].mean() > 0.5
    assert changed[~product].mean() < 0.2  # soft edges, and the camera's blur


def test_answers_are_true_and_in_the_questions_language() -> None:
    found = list(records("test", 60, per_photo=4, textures=True))
    for seed, record in found:
        language: Any = record.language
        name = texture_from_seed(seed)
        word = name if language == "en" else TEXTURES[name]
        assert record.answer in (word, YES[language], NO[language])
        if record.answer == YES[language]:
            assert word in record.question.lower()
        if record.answer == NO[language]:
            assert word not in record.question.lower()
    assert {record.language for _, record in found} == {"en", "zh"}
