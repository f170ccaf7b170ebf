"""The benchmark of chat models, on one that is tiny: figures come out, and transformers says what the engines say."""

import json
from pathlib import Path

import pytest

from benchmarks.chat import ChatOptions
from benchmarks.measure_chat import measure_chat
from builders.build import build
from builders.options import BuildOptions
from tests.helpers.qwen import IMAGE_PX, save_qwen3_vl


@pytest.mark.night
def test_a_tiny_model_is_measured(tmp_path: Path) -> None:
    save_qwen3_vl(tmp_path / "tiny")
    output = tmp_path / "built"
    build(BuildOptions(str(tmp_path / "tiny"), output, image_px=IMAGE_PX, parity_photos=1, answer_tokens=8))
    figures_file = tmp_path / "figures.json"
    assert measure_chat(ChatOptions(output, str(tmp_path / "tiny"), rounds=2, json=figures_file)) == 0
    figures = json.loads(figures_file.read_text("utf-8"))
    assert figures["served_new_photo_s"] > 0
    assert figures["ten_questions_to_one"] > 0


def test_a_repository_of_no_chat_model_is_refused(repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert measure_chat(ChatOptions(repository, "checkpoints/vitrine-small")) == 2
    assert "is of no chat model" in capsys.readouterr().err
