"""What counts as a hang, and what is merely busy."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from serving.canary import Canary, Count
from serving.hang import hang_of, step_at_one_piece, stuck_step
from serving.heartbeats import busy_s_of

PHOTO_STEPS = ("image_preprocess", "image_encoder", "image_export")
QUESTION_STEPS = (*PHOTO_STEPS, "question_preprocess", "answer_decoder", "answer_postprocess")
STEPS = (*QUESTION_STEPS, "candidates_preprocess", "answer_scorer", "choice_postprocess", "embedding_export")
ROOT = Path(__file__).parents[2]


def counts(*answered: str) -> dict[str, Count]:
    """Of a server in which these steps have answered something."""
    return {step: Count(9 if step in answered else 0, 0, 0.1) for step in STEPS}


@pytest.mark.parametrize(
    ("moved", "stuck"),
    [
        (STEPS, None),
        (("image_preprocess",), "image_encoder"),
        (PHOTO_STEPS, "question_preprocess"),
        (QUESTION_STEPS[:4], "answer_decoder or answer_scorer"),
        (QUESTION_STEPS[:5], "answer_postprocess"),
        ((*QUESTION_STEPS[:4], "candidates_preprocess", "answer_scorer"), "choice_postprocess"),
        ((), None),
        (("image_preprocess", "image_encoder", "embedding_export"), None),
        ((*QUESTION_STEPS[:4], "candidates_preprocess", "answer_scorer", "choice_postprocess"), None),
        (("question_preprocess", "answer_decoder", "answer_postprocess"), None),
    ],
    ids=["all go on", "encoder", "questions", "decoder", "last step", "last step of choices", "slow photos",
         "embeddings only", "choices only", "known photos only"],
)  # fmt: skip
def test_the_step_that_does_nothing_though_it_has_something_to_do(moved: tuple[str, ...], stuck: str | None) -> None:
    assert stuck_step(counts(), counts(*moved), counts(*moved)) == stuck


def test_a_step_that_has_only_just_got_something_to_do_is_not_stuck() -> None:
    """A batch of 16 photos is done at once, after many seconds in which nothing was."""
    assert stuck_step(counts(), counts(), counts("image_preprocess")) is None


def test_photos_that_are_refused_feed_no_encoder() -> None:
    after = counts() | {"image_preprocess": Count(0, 40, 1.0)}
    assert stuck_step(counts(), after, after) is None


class SilentCanary(Canary):
    """Of a server that answers no question, and counts as it is told."""

    def __init__(self, *readings: dict[str, Count] | None) -> None:
        self.readings = list(readings)

    def code_of_answer(self, timeout_s: float) -> str:
        time.sleep(min(timeout_s, 0.2))
        return "DEADLINE_EXCEEDED"

    def counts(self, timeout_s: float) -> dict[str, Count] | None:
        return self.readings.pop(0)


@pytest.mark.parametrize(
    ("readings", "is_at_work", "hang"),
    [
        ((None,), False, "Triton says nothing"),
        ((counts(), None), False, "Triton says nothing"),
        ((counts(), counts(), counts()), False, "no step gets anything done any more"),
        ((counts(), counts(), counts()), True, None),
        ((counts(), counts(*QUESTION_STEPS[:5]), counts(*QUESTION_STEPS[:5])), True, "answer_postprocess gets nothing"),
    ],
    ids=["no counts", "no counts later", "nothing moves", "slow photos", "one step"],
)  # fmt: skip
def test_a_hang_is_told_from_hard_work(readings: tuple[dict[str, Count]], is_at_work: bool, hang: str | None) -> None:
    found = hang_of(SilentCanary(*readings), lambda: is_at_work)
    assert found is None if hang is None else hang in str(found)


def test_a_heartbeat_says_how_long_a_step_has_been_at_its_work(tmp_path: Path) -> None:
    script = (
        "import sys, time; from heartbeat import Heartbeat\n"
        "heart = Heartbeat(sys.argv[1]); heart.beat(); heart.rest(); heart.beat(); print('at work', flush=True)\n"
        "sys.stdin.readline(); heart.rest(); print('at rest', flush=True); sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(ROOT / "model_repository")},
    ) as process:
        assert process.stdin
        assert process.stdout
        process.stdout.readline()
        time.sleep(0.2)
        busy_s = busy_s_of(tmp_path, [process.pid, 1])
        assert set(busy_s) == {process.pid}
        assert 0.2 <= busy_s[process.pid] < 20
        assert step_at_one_piece(tmp_path, {"a_step_0_0": psutil.Process(process.pid)}) is None
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        assert busy_s_of(tmp_path, [process.pid]) == {process.pid: 0}
        process.stdin.write("\n")
