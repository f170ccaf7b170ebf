"""What a comparison says of its figures."""

import asyncio
import time
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from benchmarks.closed_loop import closed_loop
from benchmarks.comparison import FLOOR, Cell, ratio, rotate, spread
from benchmarks.mixes import MIXES, QUESTIONS, Visit
from benchmarks.report import write_report

PHOTOS = [b"one", b"two", b"three"]


def test_ratios_are_of_each_round_by_itself() -> None:
    """The machine was half as fast in the second round, for both: the ratio does not see it."""
    ours, theirs = Cell("new photos", 16, "vitrine"), Cell("new photos", 16, "fastapi")
    found = ratio({ours: [100.0, 50.0], theirs: [20.0, 10.0]}, ours, theirs)
    assert found
    assert (found.median, found.least, found.most, found.rounds) == (5, 5, 5, 2)
    assert ratio({ours: [1.0]}, ours, theirs) is None
    assert str(spread([9.0, 10.0, 12.0])) == "10.0 (9.0 to 12.0)"
    assert str(spread([9.0])) == "9.00", "one round has no spread"


def test_another_system_comes_first_each_time() -> None:
    cells = [Cell("new photos", count, system) for count in (1, 4) for system in ("a", "b", "c")]
    first, second = ([cell.system for cell in rotate(cells, number)] for number in (0, 1))
    assert first == ["a", "b", "c", "a", "b", "c"]
    assert second == ["b", "c", "a", "b", "c", "a"]


def test_the_floor_is_measured_beside_what_it_is_compared_with() -> None:
    cells = [Cell("new photos", count, "vitrine") for count in (1, 16, 64)] + [Cell("new photos", 0, FLOOR)]
    assert [cell.concurrency for cell in rotate(cells, 0)] == [1, 16, 0, 64]


@pytest.mark.parametrize("mix", MIXES)
def test_a_mix_is_the_same_for_all_and_asks_in_both_languages(mix: str) -> None:
    one, again = (list(islice(MIXES[mix](PHOTOS, "7"), 400)) for _ in range(2))
    assert one == again
    questions = {question for visit in one for question in visit.questions}
    assert questions == set(QUESTIONS)
    assert sum(question.isascii() for question in QUESTIONS) == len(QUESTIONS) / 2
    distinct = len({visit.photo for visit in one})
    assert {"new photos": distinct == 400, "hot photos": 10 <= distinct <= 35, "ten questions": distinct == 400}[mix]


def test_no_photo_of_a_cell_is_in_another_or_in_another_round() -> None:
    """Else a cache would know it, and the systems without one would be compared with that."""
    cells = [Cell(mix, count, "vitrine") for mix in MIXES for count in (1, 16)]
    seen: set[bytes] = set()
    for number in range(2):
        for cell in cells:
            photos = {visit.photo for visit in islice(MIXES[cell.mix](PHOTOS, cell.seed(number)), 300)}
            assert not photos & seen
            seen |= photos
            other = Cell(cell.mix, cell.concurrency, "fastapi")
            assert other.seed(number) == cell.seed(number), "all systems are asked the same"


def test_a_closed_loop_counts_every_answer_and_all_of_the_time() -> None:
    """Ten callers who each wait 0.05 s ask 200 a second at most; answers that come in one burst do not make it more."""

    async def ask(visit: Visit) -> list[str]:
        await asyncio.sleep(0.05)
        return []

    async def ask_in_bursts(visit: Visit) -> list[str]:
        await asyncio.sleep(0.4 - time.perf_counter() % 0.4)  # all who wait are answered together
        return []

    for answering, most in ((ask, 200), (ask_in_bursts, 75)):
        visits = MIXES["new photos"](PHOTOS, "0")
        slot = asyncio.run(closed_loop(answering, visits, concurrency=10, seconds=1.0, least_visits=20))
        assert 0 < slot.questions_per_s <= most
        assert len(slot.latencies_s) >= 30


def test_the_report_has_every_figure(tmp_path: Path) -> None:
    cells = [
        {
            "mix": mix,
            "concurrency": count,
            "system": system,
            "questions_per_s": [rate, 2 * rate],
            "latencies_s": [[0.1], [0.2]],
        }
        for mix, count, system, rate in (
            ("new photos", 1, "vitrine", 5.0),
            ("new photos", 16, "vitrine", 10.0),
            ("new photos", 16, "fastapi", 2.0),
            ("new photos", 1, "fastapi", 4.0),
            ("ten questions", 1, "vitrine", 8.0),
            ("new photos", 0, FLOOR, 20.0),
        )
    ]
    result: dict[str, Any] = {
        "rounds": 2,
        "seconds": 4.0,
        "cells": cells,
        "memory_mib": {"vitrine": 400.0},
        "floor": {"callers": 2, "threads": 1, "rows": 8},
    }
    loaded = {"rate_per_s": 14.0, "p50_ms": 150.0, "p99_ms": 400.0, "requests": 99, "error_ratio": 0.0}
    result["at_load"] = [loaded, {**loaded, "error_ratio": 0.02}]
    machine = {"cpu": "a CPU", "cores": 2, "python": "3.11", "versions": {"torch": "2"}}
    write_report(tmp_path, {"machine": machine, "models": {"small": result}})
    text = (tmp_path / "benchmarks.md").read_text("utf-8")
    assert "| (e)/(d), new photos, 16 callers | 0.50 (0.50 to 0.50) |" in text
    assert "| (e)/(a), new photos, 16 callers | 5.00 (5.00 to 5.00) |" in text
    assert "p99 at 70 % of the peak, 14.0 (14.0 to 14.0) a second, 2.0% errors, over the median of one caller" in text
    assert "| 3.00 (2.00 to 4.00) |" in text
    assert "median of 2 rounds of 4 s a cell (least to most). The cell with the fewest requests holds 2." in text
    assert "(e) with 16 callers over (a) with 1, its best, new photos | 2.50 (2.50 to 2.50) |" in text
    assert "ten questions about one photo over one question, time | 1.00" in text
    assert (tmp_path / "benchmarks.png").read_bytes().startswith(b"\x89PNG")
