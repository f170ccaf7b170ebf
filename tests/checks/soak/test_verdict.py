"""What a soak must not let pass."""

import random
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from checks.soak.faults import FAULTS, kill_triton
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
    good: dict[str, Any] = {"growths": [FLAT], "faults": ["killed Triton"], "restarts": 1, "max_growth": 0.01}
    return problems_of(tally=tally, **(good | changes))


def test_a_good_one_has_none() -> None:
    assert problems() == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"growths": [replace(FLAT, share=0.011)]}, "grew by 1.10%, more than 1%"),
        ({"growths": [replace(FLAT, mean=0.0)]}, "none was found"),
        ({"restarts": 2}, "1 fault, but 2 restarts"),
        ({"faults": ["a", "b"], "restarts": 1}, "2 faults, but 1 restart"),
        ({"max_growth": 0.0035}, "grew by 0.40%, more than 0.35%"),
        ({"faults": [], "restarts": 0}, "no fault was done"),
        ({"wrong": ["photo 3, 这是什么？: 'a cup' instead of 'a hat'"]}, "answered wrongly: photo 3"),
        ({"outcomes": {"embed: UNAVAILABLE": 101}}, "only 49.8% of the calls of the kind 'embed'"),
    ],
)
def test_each_fault_is_told(change: dict[str, Any], words: str) -> None:
    (problem,) = problems(**change)
    assert words in problem


def test_what_is_not_there_is_not_hurt() -> None:
    """In the middle of a restart there is no Triton, and no step."""
    restarting: Any = SimpleNamespace(triton=lambda: None, steps=dict)
    assert [fault(restarting, random.Random(0)) for fault in FAULTS] == [None, None, None]


def test_a_fault_says_what_was_done() -> None:
    done: list[str] = []
    triton = SimpleNamespace(kill=lambda: done.append("killed Triton"))
    server: Any = SimpleNamespace(triton=lambda: triton, steps=dict)
    assert kill_triton(server, random.Random(0)) == "killed Triton"
    assert done == ["killed Triton"]
