"""Checkpoints on disk: the one with words added that a run begins with, and the tuned one."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.load import load_checkpoint
from builders.checkpoint.pins import SUMS, write_sums
from command_line.errors import UsageError
from training.tuning.adapters import add_rows

_NOT_COPIED = (SUMS, "words.json", "calibration.json", "README.md", "training.png", "model.safetensors.index.json")
"""Files of a checkpoint that are not true of another one's weights."""
_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


def with_words(checkpoint: Checkpoint, words: Sequence[str], folder: Path, wishes: Wishes) -> Checkpoint:
    """Write the checkpoint with words added to its vocabulary, and load that one.

    Args:
        folder: to write to; where it is there already, it must have been made of these words.

    Raises:
        UsageError: it was made of others, so that its states do not fit, or the tokenizer is not one of words.
    """
    told = folder / "words.json"
    if not told.exists():
        tokenizer = json.loads((checkpoint.folder / "tokenizer.json").read_text("utf-8"))
        if tokenizer["model"]["type"] != "WordPiece":
            raise UsageError(f"{len(words)} words are unknown to a tokenizer that words cannot be added to")
        vocabulary = tokenizer["model"]["vocab"]
        add_rows(checkpoint.model, len(vocabulary), len(words))
        vocabulary.update({word: len(vocabulary) + number for number, word in enumerate(words)})
        files = {"tokenizer.json": tokenizer, told.name: list(words)}
        write_checkpoint(checkpoint.model, checkpoint.folder, folder, files)
    elif json.loads(told.read_text("utf-8")) != list(words):
        raise UsageError(f"{folder} was made of data with other words: name another --work, or remove it")
    return load_checkpoint(str(folder), wishes=wishes)


def write_checkpoint(model: Any, like: Path, folder: Path, files: Mapping[str, Any] | None = None) -> None:
    """Write weights, and beside them the files of the checkpoint that they came from; whole or not at all.

    Args:
        files: contents of JSON files by their names, in place of those.
    """
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(
        like, partial, ignore=lambda _, names: [n for n in names if n in _NOT_COPIED or n.endswith(".safetensors")]
    )
    config = json.loads((like / "config.json").read_text("utf-8"))
    model.to(_DTYPES.get(config.get("dtype") or config.get("torch_dtype"), torch.float32)).save_pretrained(partial)
    write_sums(partial)
    for name, content in (files or {}).items():
        (partial / name).write_text(json.dumps(content, ensure_ascii=False), "utf-8")
    partial.rename(folder)
