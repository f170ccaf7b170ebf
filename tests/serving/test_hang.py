"""What counts as a hang, and what is merely busy."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import psutil
import pytest

import serving.supervision.hang
import serving.supervision.heartbeats
from serving.supervision.hang import is_hung
from serving.supervision.heartbeats import Heartbeats
from serving.supervision.probe import Count, Probe
from tests.helpers.started import started

ROOT = Path(__file__).parents[2]
STEP = (
    "import sys; from vitrine_steps.triton.heartbeat import Heartbeat\n"
    "heart = Heartbeat(sys.argv[1]); print('ready', flush=True)\n"
    "for line in sys.stdin:\n"
    "    with heart.working():\n"
    "        for piece in line.split():\n"
    "            heart.beat(); print(piece, flush=True); sys.stdin.readline()\n"
    "    print('at rest', flush=True)\n"
)


class Step:
    """A process that works as it is told."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def says(self, line: str = "") -> str:
        assert self.process.stdin
        assert self.process.stdout
        print(line, file=self.process.stdin, flush=True)
        return self.process.stdout.readline().strip()


@pytest.fixture
def step(tmp_path: Path) -> Iterator[Step]:
    with started(
        [sys.executable, "-c", STEP, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as process:
        assert process.stdout
        process.stdout.readline()
        yield Step(process)


@pytest.fixture
def hearts(step: Step, tmp_path: Path) -> Iterator[Heartbeats]:
    steps = {"a_step_0_0": psutil.Process(step.process.pid), "an_engine": psutil.Process()}
    found = Heartbeats(tmp_path, steps)
    yield found
    found.close()


def test_a_step_is_at_work_from_its_first_piece_to_its_last(step: Step, hearts: Heartbeats) -> None:
    assert not hearts.is_at_work()
    assert step.says("first second") == "first"
    assert hearts.is_at_work()
    assert hearts.is_at_work("a_step")
    assert not hearts.is_at_work("an_engine")
    assert step.says() == "second"
    assert hearts.is_at_work()
    assert step.says() == "at rest"
    assert not hearts.is_at_work()


def test_only_the_same_piece_counts(step: Step, hearts: Heartbeats) -> None:
    def watched(seconds: float) -> str | None:
        end_s = time.monotonic() + seconds
        found = None
        while time.monotonic() < end_s and found is None:
            found = hearts.stuck_step(0.5)
            time.sleep(0.05)
        return found

    assert watched(0.7) is None, "it is at rest"
    step.says("first second")
    assert watched(0.3) is None
    step.says()
    assert watched(0.3) is None, "it is at another piece"
    assert watched(1.0) == "a_step_0_0"
    step.says()
    assert watched(0.7) is None


def test_seconds_in_which_nobody_looked_do_not_count(
    step: Step, hearts: Heartbeats, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a container that is paused, or a machine that sleeps."""
    step.says("first")
    times_s = iter((1000.0, 1000.25, 5000.0))
    monkeypatch.setattr(serving.supervision.heartbeats, "time", SimpleNamespace(monotonic=lambda: next(times_s)))
    for _ in range(3):
        assert hearts.stuck_step(20) is None


def test_a_heartbeat_outlives_a_cleaner_of_temporary_files(step: Step, hearts: Heartbeats, tmp_path: Path) -> None:
    (tmp_path / str(step.process.pid)).unlink()
    assert step.says("first") == "first"
    assert hearts.is_at_work()


ENSEMBLES = ("vqa", "vqa_choose", "image_embedding", "photo_reading")


class Server:
    """What a probe sees of one that does not answer it, and what else is known of it."""

    def __init__(
        self, *, code: str = "DEADLINE_EXCEEDED", says_nothing: bool = False, embeds: bool = False, silent: int = 0
    ) -> None:
        self.code = code
        self.says_nothing = says_nothing
        self.embeds = embeds
        self.silent = silent
        self.asked = 0
        self.embedded = 0

    def ask(self, timeout_s: float) -> str:
        time.sleep(min(timeout_s, 0.05))
        return self.code

    def counts(self, timeout_s: float) -> dict[str, Count] | None:
        assert timeout_s > 0
        self.embedded += self.embeds
        self.asked += 1
        counts = {name: Count(7, 0, 0.1) for name in ENSEMBLES} | {"image_preprocess": Count(self.embedded * 9, 0, 0.1)}
        is_silent = self.says_nothing or self.asked <= self.silent
        return None if is_silent else counts | {"image_embedding": Count(self.embedded, 0, 0.1)}


@pytest.mark.parametrize(
    ("server", "is_at_work", "is_broken", "hung"),
    [
        (Server(), False, False, True),
        (Server(code="UNAVAILABLE"), False, False, True),
        (Server(says_nothing=True), False, False, True),
        (Server(code="OK"), False, False, False),
        (Server(embeds=True), False, False, False),
        (Server(embeds=True, silent=2), False, False, False),
        (Server(), True, False, False),
        (Server(), False, True, False),
        (Server(says_nothing=True), True, False, False),
        (Server(says_nothing=True), False, True, False),
    ],
    ids=["nothing moves", "full queues that do not move", "says nothing", "answers", "embeds",
         "embeds, and is too busy to say so at first", "slow photos", "a step has died",
         "slow photos, and too busy to say so", "Triton has died"],
)  # fmt: skip
def test_a_hang_is_told_from_hard_work(
    monkeypatch: pytest.MonkeyPatch, server: Server, is_at_work: bool, is_broken: bool, hung: bool
) -> None:
    monkeypatch.setattr(serving.supervision.hang, "_WATCH_S", 0.5)
    probe: Any = server
    assert is_hung(cast(Probe, probe), ENSEMBLES, lambda: is_at_work, lambda: is_broken) == hung
