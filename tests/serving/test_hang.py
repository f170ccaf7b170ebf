"""What counts as a hang, and what is merely busy."""

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from serving.canary import Count
from serving.hang import step_at_one_piece, stuck_step
from serving.heartbeats import busy_s_of

STEPS = ("image_preprocess", "image_encoder", "image_export", "question_preprocess", "answer_decoder",
         "answer_postprocess")  # fmt: skip
ROOT = Path(__file__).parents[2]


def counts(**answered: int) -> dict[str, Count]:
    return {step: Count(answered.get(step, 0), 0, 0.1) for step in STEPS}


@pytest.mark.parametrize(
    ("answered", "stuck"),
    [
        (dict.fromkeys(STEPS, 1), None),
        ({}, "question_preprocess"),
        ({"question_preprocess": 1}, None),
        ({"question_preprocess": 9, "image_preprocess": 9}, "image_encoder"),
        ({"question_preprocess": 9, "image_preprocess": 9, "image_encoder": 9}, None),
        (
            {"question_preprocess": 9, "image_preprocess": 9, "image_encoder": 9, "image_export": 9},
            "answer_decoder",
        ),
        (dict.fromkeys(STEPS[:-1], 9), "answer_postprocess"),
    ],
    ids=["all go on", "nothing goes on", "slow photos", "encoder", "embeddings only", "decoder", "last step"],
)
def test_the_step_that_does_nothing_though_it_has_something_to_do(answered: dict[str, int], stuck: str | None) -> None:
    assert stuck_step(counts(), counts(**answered), was_taken=True) == stuck


def test_a_question_that_was_refused_says_nothing_of_the_step_where_questions_go() -> None:
    busy = counts(image_preprocess=9, image_encoder=9)
    assert stuck_step(counts(), busy, was_taken=False) is None


def test_photos_that_are_refused_feed_no_encoder() -> None:
    after = counts(question_preprocess=9) | {"image_preprocess": Count(0, 40, 1.0)}
    assert stuck_step(counts(), after, was_taken=True) is None


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
