"""What a checkpoint's folder has to hold, before anything in it is loaded."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from builders.checkpoint.contents import require_architecture, require_whole
from builders.errors import UsageError

BLIP = '{"architectures": ["BlipForQuestionAnswering"]}'
CODE = '{"architectures": ["BlipForQuestionAnswering"], "auto_map": {"AutoModel": "mine.Blip"}}'
INDEX = json.dumps({"weight_map": {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}})
FIRST, SECOND = "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"


def written(folder: Path, files: Mapping[str, str]) -> Path:
    for name, content in files.items():
        (folder / name).write_text(content, "utf-8")
    return folder


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "mine has no config.json: name a folder in the transformers format"),
        ({"config.json": "[]"}, "mine/config.json is not a JSON object (a list came)"),
        ({"config.json": "{}"}, "model of no named architecture"),
        ({"config.json": CODE}, 'mine wants code of its own (config.json has the auto_map {"AutoModel": "mine.Blip"})'),
        ({"config.json": BLIP, "tokenizer_config.json": CODE}, "code of its own (tokenizer_config.json has"),
        ({"config.json": BLIP, "processor_config.json": CODE}, "code of its own (processor_config.json has"),
    ],
)
def test_what_is_refused_before_weights_are_there(tmp_path: Path, files: Mapping[str, str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_architecture(written(tmp_path, files), "mine")
    assert words in str(caught.value)


def test_an_architecture_is_read_before_weights_are_there(tmp_path: Path) -> None:
    files = {"config.json": BLIP, "tokenizer_config.json": "{}"}
    assert require_architecture(written(tmp_path, files), "mine") == "BlipForQuestionAnswering"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"model.safetensors": ""}, "mine has no tokenizer.json and no vocab.txt"),
        ({"tokenizer.json": ""}, "mine has no *.safetensors"),
        ({"tokenizer.json": "", "pytorch_model.bin": ""}, "pickled weights are not loaded"),
        (
            {"tokenizer.json": "", FIRST: "", "model.safetensors.index.json": INDEX},
            f"mine lacks {SECOND}: its model.safetensors.index.json names 2 files, and 1 are there",
        ),
        ({"tokenizer.json": "", FIRST: "", "model.safetensors.index.json": "{}"}, "has no weight_map"),
        ({"tokenizer.json": "", FIRST: "", "model.safetensors.index.json": "{"}, "is not a JSON object"),
        (
            {"tokenizer.json": "", FIRST: "", "model.safetensors.index.json": INDEX.replace(SECOND, f"../{SECOND}")},
            f"mine lacks ../{SECOND}",
        ),
    ],
)
def test_files_that_are_missing_are_named(tmp_path: Path, files: Mapping[str, str], words: str) -> None:
    with pytest.raises(UsageError) as caught:
        require_whole(written(tmp_path, files), "mine")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    "files",
    [
        {"tokenizer.json": "", "model.safetensors": ""},
        {"vocab.txt": "", FIRST: "", SECOND: "", "model.safetensors.index.json": INDEX},
        {"vocab.txt": "", "model.safetensors": "", "model.safetensors.index.json": INDEX},
    ],
    ids=["one file", "all shards", "one file, and an index that is not read"],
)
def test_a_whole_checkpoint_is_taken(tmp_path: Path, files: Mapping[str, str]) -> None:
    require_whole(written(tmp_path, files), "mine")
