"""What the files of a checkpoint have to hold before any of them is loaded."""

import json
from pathlib import Path
from typing import Any

from builders.errors import UsageError
from builders.families import family_of

CONFIG = "config.json"
_MAY_NAME_CODE = (CONFIG, "tokenizer_config.json", "preprocessor_config.json", "processor_config.json")
_WHOLE, _INDEX = "model.safetensors", "model.safetensors.index.json"
_SHOWN = 3


def require_architecture(folder: Path, checkpoint: str) -> str:
    """Read which architecture a checkpoint is of; its weights need not be there yet.

    Args:
        checkpoint: what the caller named, for messages.

    Returns:
        The first name among its own `architectures`.

    Raises:
        UsageError: no `config.json`, no family here has the architecture, or it wants code of its own.
    """
    config = folder / CONFIG
    if not config.exists():
        raise UsageError(f"{checkpoint} has no {CONFIG}: name a folder in the transformers format")
    architectures = _object_in(config, checkpoint).get("architectures") or ["model of no named architecture"]
    for name in _MAY_NAME_CODE:
        file = folder / name
        if file.exists() and (code := _object_in(file, checkpoint).get("auto_map")):
            raise UsageError(
                f"{checkpoint} wants code of its own ({name} has the auto_map {json.dumps(code)[:80]}), and no code of "
                "a checkpoint is run here: name one that transformers' own classes load"
            )
    family_of(", ".join(map(str, architectures)), checkpoint)
    return str(architectures[0])


def require_whole(folder: Path, checkpoint: str) -> None:
    """
    Raises:
        UsageError: a tokenizer, safetensors, or files that their index names are missing.
    """
    if not any((folder / name).exists() for name in ("tokenizer.json", "vocab.txt")):
        raise UsageError(f"{checkpoint} has no tokenizer.json and no vocab.txt: save its processor beside its weights")
    found = {file.name for file in folder.glob("*.safetensors")}
    if not found:
        raise UsageError(
            f"{checkpoint} has no *.safetensors: save it with save_pretrained(..., safe_serialization=True); "
            "pickled weights are not loaded, because they can run code"
        )
    if _WHOLE in found or not (folder / _INDEX).exists():
        return
    named = _object_in(folder / _INDEX, checkpoint).get("weight_map")
    if not isinstance(named, dict) or not named:
        raise UsageError(f"{checkpoint}/{_INDEX} has no weight_map: copy the checkpoint again, whole")
    shards = set(map(str, named.values()))
    if missing := sorted(shards - found):
        raise UsageError(
            f"{checkpoint} lacks {', '.join(missing[:_SHOWN])}{' and more' if len(missing) > _SHOWN else ''}: its "
            f"{_INDEX} names {len(shards)} files, and {len(shards) - len(missing)} are there. Copy those that are "
            "missing beside it, or save the checkpoint again"
        )


def _object_in(file: Path, checkpoint: str) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(content, dict):
            raise TypeError(f"a {type(content).__name__} came")
    except (ValueError, TypeError) as error:
        raise UsageError(f"{checkpoint}/{file.name} is not a JSON object ({error})") from error
    return content
