"""Where the time goes: parts that make the whole, by the server's own statistics."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from vitrine_client.breakdown import STEPS, breakdown_from_statistics, breakdown_table

from .command import vitrine
from .conftest import HAS_SERVER


def counted(**successes_and_ns: tuple[int, int, int, int]) -> dict[str, dict[str, int]]:
    names = ("success", "success_ns", "queue_ns", "work_ns")
    return {model: dict(zip(names, values, strict=True)) for model, values in successes_and_ns.items()}


def test_the_parts_make_the_whole() -> None:
    """Two questions: 20 ms each here, 19 of it in the call, 15 in the server, of which 1 in queues and 10 in a step."""
    before = counted(vqa=(5, 10**9, 0, 0), answer_decoder=(5, 0, 10**6, 10**6))
    after = counted(vqa=(7, 10**9 + 30 * 10**6, 0, 0), answer_decoder=(7, 0, 3 * 10**6, 21 * 10**6))
    found = breakdown_from_statistics(before, after, questions=2, total_ms=20, called_ms=19)
    assert (found.client_ms, found.network_ms, found.queue_ms, found.triton_ms) == (1, 4, 1, 4)
    assert found.steps_ms == {model: 10 if model == "answer_decoder" else 0 for model in STEPS}
    assert found.is_alone
    assert "others" not in breakdown_table(found, found)


@pytest.mark.parametrize(
    "others",
    [
        {"vqa": (9, 900 * 10**6, 0, 0)},  # questions like ours, but slow ones
        {"vqa": (2, 30 * 10**6, 0, 0), "image_preprocess": (9, 0, 0, 500 * 10**6)},  # embeddings, or choices
    ],
)
def test_no_time_is_negative_where_others_asked(others: dict[str, tuple[int, int, int, int]]) -> None:
    found = breakdown_from_statistics({}, counted(**others), questions=2, total_ms=20, called_ms=19)
    assert not found.is_alone
    assert found.network_ms is None or found.network_ms >= 0
    assert found.triton_ms is None or found.triton_ms >= 0
    assert None in (found.network_ms, found.triton_ms)
    text = breakdown_table(found, found)
    assert "the server answered others at the same time" in text
    assert not re.search(r"-\d", text)
    assert " ?" in text


def test_clocks_that_differ_by_a_little_make_no_time_negative() -> None:
    found = breakdown_from_statistics(
        {}, counted(vqa=(2, 2 * 19_001_000, 0, 0)), questions=2, total_ms=20, called_ms=19
    )
    assert found.is_alone
    assert found.network_ms == 0


def test_a_server_that_answered_others_is_told() -> None:
    found = breakdown_from_statistics({}, counted(vqa=(3, 0, 0, 0)), questions=2, total_ms=1, called_ms=1)
    assert not found.is_alone
    assert "the server answered others" in breakdown_table(found, found)


@pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")
@pytest.mark.parametrize("question", ["What colour is it?", "这是什么？"])
def test_a_real_question_is_profiled(tested_server: Any, photo: Path, question: str) -> None:
    opened = ("--url", tested_server.url, "--admin-key-file", str(tested_server.admin_key_file))
    done = vitrine("profile", str(photo), question, "--repeat", "3", *opened, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found["new_photo"]["steps_ms"]) == set(STEPS)
    assert all(ms > 0 for ms in found["new_photo"]["steps_ms"].values())
    assert found["known_photo"]["steps_ms"]["image_encoder"] == 0, "its features came from the cache"
    for part in found.values():
        spent = part["client_ms"] + part["network_ms"] + part["queue_ms"] + part["triton_ms"]
        spent += sum(part["steps_ms"].values())
        if part["triton_ms"] > 0:
            assert spent == pytest.approx(part["total_ms"])
        else:  # a photo's steps and a question's go on at the same time, so that they may add up to more
            assert spent >= part["total_ms"] * 0.999
    done = vitrine("profile", str(photo), question, "--repeat", "2", *opened)
    assert "answer (answer_decoder)" in done.stdout


def test_no_repeats_are_wrong_usage(photo: Path) -> None:
    assert vitrine("profile", str(photo), "What is it?", "--repeat", "0").returncode == 2
