"""Curves of explanations: what is more important goes first, and areas are those under the curve."""

import numpy as np
import pytest

from evaluation.explanations import area, explanation_figures, steps_of


def test_the_most_important_region_goes_first() -> None:
    steps = steps_of(np.arange(49, dtype=np.float32).reshape(7, 7))
    assert [len(step) for step in steps] == [7] * 7
    assert steps[0] == [48, 47, 46, 45, 44, 43, 42]
    assert sorted(region for step in steps for region in step) == list(range(49))


@pytest.mark.parametrize(("shares", "expected"), [([1, 1, 1], 1.0), ([1, 0], 0.5), ([1, 0, 0], 0.25), ([0, 0], 0.0)])
def test_areas(shares: list[float], expected: float) -> None:
    assert area(shares) == expected


def test_figures_are_of_each_map() -> None:
    rows = [{"map": "occlusion map", "deletion": 0.25, "insertion": 0.75}] * 2
    rows += [{"map": name, "deletion": 0.5, "insertion": 0.5} for name in ("attention heatmap", "random map")]
    found = {figure.name: figure.value for figure in explanation_figures(rows)}
    assert found["deletion curve's area, occlusion map"] == 0.25
    assert found["insertion curve's area, random map"] == 0.5
