"""Pointing: the maximum of a map against a mask, in the photo's own shape."""

import numpy as np
import pytest

from evaluation.pointing import is_inside


@pytest.mark.parametrize(("column", "inside"), [(0, True), (6, False)])
def test_the_maximum_is_looked_up_in_the_photos_own_shape(column: int, inside: bool) -> None:
    heatmap = np.full((7, 7), 0.01, np.float32)
    heatmap[3, column] = 1
    mask = np.zeros((70, 210), bool)
    mask[20:50, :60] = True
    assert is_inside(heatmap, mask) is inside
