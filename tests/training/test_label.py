"""Self-training: what a release is sure of becomes data for training alone."""

import json
from pathlib import Path

import pytest
from vitrine_client import Answer

from tests.client.test_feedback import handed_over
from training.label import is_sure
from training.tuning.data import read_examples


def sure(confidence: float | None, status: str = "answered") -> Answer:
    return Answer(**{**vars(handed_over(confidence)), "status": status})


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        (sure(0.995), True),
        (sure(0.98), False),
        (sure(None), False),
        (sure(0.999, "cannot_tell"), False),
        (sure(0.999, "hand_over"), False),
    ],
)
def test_only_sure_answers_are_kept(answer: Answer, kept: bool) -> None:
    assert is_sure(answer, 0.99) is kept


def test_a_weight_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"photo")
    row = {"photo": "a.jpg", "question": "what is it?", "answer": "mug", "weight": 0.5}
    (tmp_path / "guesses.jsonl").write_text(json.dumps(row))
    [example], faults = read_examples([tmp_path / "guesses.jsonl"])
    assert (example.weight, faults) == (0.5, [])
