"""What `python -m benchmarks.tune` found goes into the configs; a file that it did not write is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from builders.engine_spec import IMAGE_ENCODER
from builders.errors import UsageError
from builders.repository.configs import apply_tuning
from builders.repository.source import SOURCE, read_config
from builders.repository.tuning import Tuning, tuning_from_file, write_tuning

FOUND = Tuning(instances={"image_preprocess": 3, "answer_postprocess": 2}, queue_delay_us={IMAGE_ENCODER: 500})


def test_what_was_found_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_tuning(tmp_path / "tuning.json", FOUND)
    assert tuning_from_file(tmp_path / "tuning.json") == FOUND


@pytest.mark.parametrize(
    ("model", "count", "delay_us"), [("image_preprocess", 3, 0), ("answer_postprocess", 2, 0), (IMAGE_ENCODER, 2, 500)]
)
def test_configs_take_what_was_found_and_keep_the_rest(model: str, count: int, delay_us: int) -> None:
    config = read_config(SOURCE / model / "config.pbtxt")
    apply_tuning(config, FOUND)
    assert config.instance_group[0].count == count
    assert config.dynamic_batching.max_queue_delay_microseconds == delay_us


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({}, "format"),
        ({"format": 1}, "is no tuning"),
        ({"format": 1, "instances": {"image_encoder": 0}, "queue_delay_us": {}}, "image_encoder has 0, but 1 to 64"),
        ({"format": 1, "instances": {}, "queue_delay_us": {"image_encoder": "2 s"}}, "has '2 s', but 0 to 1000000"),
        ([], "is no tuning"),
    ],
)
def test_another_file_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    file = tmp_path / "tuning.json"
    file.write_text(json.dumps(content), "utf-8")
    with pytest.raises(UsageError, match=said):
        tuning_from_file(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json is no tuning .*: write it anew with python -m benchmarks\.tune"):
        tuning_from_file(tmp_path / "none.json")
