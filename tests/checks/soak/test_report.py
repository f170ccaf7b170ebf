"""What the soak calls growth."""

import numpy as np
import pytest

from checks.soak.processes import Sample
from checks.soak.report import growths
from checks.soak.traffic import Tally


def samples(memory_mib: list[float]) -> list[Sample]:
    return [
        Sample(10.0 * number, {"a": mib / 2, "b": mib / 2}, 50, 20, 8.0, 4) for number, mib in enumerate(memory_mib)
    ]


def test_growth_in_the_last_half_counts_whatever_came_before() -> None:
    memory = [*np.linspace(100, 500, 50), *np.linspace(600, 630, 50)]
    found = {growth.name: growth for growth in growths(samples(memory), 1000)}
    assert found["memory of all processes"].share == pytest.approx(30 / 615, rel=1e-3)
    assert found["memory of all processes"].mean == pytest.approx(615)
    assert found["open handles"].share == pytest.approx(0, abs=1e-9)


def test_what_was_asked_rightly_and_not_answered_counts() -> None:
    tally = Tally()
    tally.outcomes.update({"new: ok": 97, "new: UNAVAILABLE": 3, "newer: ok": 5, "known: ok": 1})
    assert tally.share_answered("new") == 0.97
    assert tally.share_answered("known") == 1
    assert tally.share_answered("embed") == 0
