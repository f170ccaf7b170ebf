"""Printed pictures: drawn on the product alone, each its own, and asked about in both languages."""

from typing import Any

import numpy as np
import pytest

from catalogue.dataset import records, seeds_of
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.prints import CATEGORIES_WITH_ROOM, PRINTS, print_from_seed, with_print
from catalogue.shapes import BODY, INK, material_map
from catalogue.wordings import NO, YES


@pytest.mark.parametrize("category", CATEGORIES_WITH_ROOM)
def test_a_picture_is_printed_on_the_body_alone(category: str) -> None:
    plain = np.asarray(material_map(category, 96))
    drawn = {name: np.asarray(with_print(material_map(category, 96), name)) for name in PRINTS}
    for printed in drawn.values():
        changed = printed != plain
        assert changed.mean() > 0.01
        assert (plain[changed] == BODY).all()
        assert (printed[changed] == INK).all()
    assert len({printed.tobytes() for printed in drawn.values()}) == len(PRINTS)


def test_without_a_picture_photos_stay_what_they_were() -> None:
    seed = seeds_of("train", 1, printed=True)[0]
    plain, printed = photo_from_seed(seed), photo_from_seed(seed, printed="star")
    assert plain.attributes == printed.attributes
    assert plain.mask.tobytes() == printed.mask.tobytes()
    assert plain.image.tobytes() != printed.image.tobytes()


def test_answers_are_true_and_in_the_questions_language() -> None:
    found = list(records("test", 60, per_photo=4, printed=True))
    for seed, record in found:
        language: Any = record.language
        name = print_from_seed(seed)
        word = name if language == "en" else PRINTS[name]
        assert attributes_from_seed(seed).category in CATEGORIES_WITH_ROOM
        assert record.answer in (word, YES[language], NO[language])
        if record.answer == YES[language]:
            assert word in record.question.lower()
        if record.answer == NO[language]:
            assert word not in record.question.lower()
    assert {record.language for _, record in found} == {"en", "zh"}
