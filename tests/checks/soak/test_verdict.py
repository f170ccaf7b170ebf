"""What a soak must not let pass."""

from dataclasses import replace
from typing import Any

import pytest

from checks.soak.report import Growth
from checks.soak.traffic import Tally
from checks.soak.verdict import problems_of

FLAT = Growth("memory of all processes", "MiB", 600.0, 0.004)
KINDS = ("new", "known", "several", "choose", "embed")


def problems(**changes: Any) -> list[str]:
    tally = Tally()
    tally.outcomes.update({f"{kind}: ok": 100 for kind in KINDS})
    tally.outcomes.update(changes.pop("outcomes", {}))
    tally.wrong += changes.pop("wrong", [])
    good: dict[str, Any] = {"growths": [FLAT], "faults": ["killed Triton"], "restarts": 1}
    given = good | changes
    return problems_of(given["growths"], tally, given["faults"], given["restarts"], max_growth=0.01)


def test_a_good_one_has_none() -> None:
    assert problems() == []
    assert problems(faults=["killed Triton", "nothing: no step was there"]) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"growths": [replace(FLAT, share=0.011)]}, "grew by 1.10%"),
        ({"growths": [replace(FLAT, mean=0.0)]}, "none was found"),
        ({"restarts": 2}, "1 faults, but 2 restarts"),
        ({"faults": [], "restarts": 0}, "no fault was done"),
        ({"faults": ["nothing: no step was there"], "restarts": 0}, "no fault was done"),
        ({"wrong": ["photo 3, 这是什么？: 'a cup' instead of 'a hat'"]}, "answered wrongly: photo 3"),
        ({"outcomes": {"embed: UNAVAILABLE": 101}}, "only 49.8% of the calls of the kind 'embed'"),
    ],
)
def test_each_fault_is_told(change: dict[str, Any], words: str) -> None:
    (problem,) = problems(**change)
    assert words in problem
