"""Labels that a confidence is fitted on are also seen from afar and from near, and their lines stay where they are."""

import random

import numpy as np
import pytest

from catalogue.labels import label_from_seed
from evaluation.fit_text import seen_from


@pytest.mark.parametrize("language", ["en", "zh"])
def test_lines_stay_where_they_are(language: str) -> None:
    label = label_from_seed(5, language)
    sizes = set()
    for seed in range(12):
        seen = seen_from(label, random.Random(seed))
        sizes.add(np.sign(seen.image.width - label.image.width))
        assert seen.lines
        if seen.image.size == label.image.size:
            assert seen.lines == label.lines
            continue
        by_text = {line.text: line.box for line in label.lines}
        for line in seen.lines:
            box, before = np.array(line.box), np.array(by_text[line.text])
            assert (box >= 0).all()
            assert (box <= 1).all()
            height = np.linalg.norm((box[3] - box[0]) * seen.image.size)
            known = np.linalg.norm((before[3] - before[0]) * label.image.size)
            is_shrunk = np.allclose(box, before)
            assert is_shrunk or height == pytest.approx(known, abs=0.01)  # what is cut out is as large as it was
    assert sizes == {-1, 0}
