"""What must not change an answer: probes that leave the product as it is."""

import io

import numpy as np
import pytest
from PIL import Image

from catalogue.attributes import LANGUAGES, Language
from catalogue.photos import photo_from_seed
from evaluation.probes import BRANDS, SKIN_TONES, backgrounds, hands, probe_figures, with_brand


def pixels(photo: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(photo)).convert("RGB"), np.int16)


@pytest.mark.parametrize("seed", [5, 6])
def test_a_hand_and_a_background_leave_the_product_as_it_is(seed: int) -> None:
    photo = photo_from_seed(seed, long_side_px=(300, 301))
    product, plain = np.asarray(photo.mask) > 0, np.asarray(photo.image, np.int16)
    for changed in (*hands(photo), *backgrounds(photo)):
        difference = np.abs(pixels(changed) - plain).mean(-1)
        assert difference[product].mean() < 8  # what JPEG and soft edges cost
        assert (difference[~product] > 20).any()
    assert len(set(hands(photo))) == len(SKIN_TONES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_brand_is_named_in_the_question(language: Language) -> None:
    asked = {"en": "What colour is it?", "zh": "是什么颜色？"}[language]
    assert with_brand(asked, language, "") == asked
    for brand in BRANDS[language]:
        named = with_brand(asked, language, brand)
        assert brand in named
        assert named.endswith(("?", "？"))


def test_rates_are_by_probe_and_kind() -> None:
    rows = [
        {"probe": "language", "kind": "colour", "differs": True},
        {"probe": "language", "kind": "number", "differs": False},
    ]
    found = {figure.name: figure.value for figure in probe_figures(rows)}
    assert found == {"language": 0.5, "language, colour": 1.0, "language, number": 0.0}
