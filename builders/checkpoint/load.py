"""Loads a checkpoint from a folder or the hub, once its files are known to be the right ones."""

import json
from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import NO_WISHES, Checkpoint, Wishes
from builders.checkpoint.contents import require_architecture, require_whole
from builders.checkpoint.digests import sha256_of_folder
from builders.checkpoint.hub import fetch_checkpoint, record_fetched
from builders.checkpoint.memory import require_memory
from builders.checkpoint.pins import AS_LOCKED, Pins, require_weights
from builders.errors import UsageError
from builders.families import family_of
from vitrine_steps.file_format import FormatError, require_format
from vitrine_steps.step_settings import StepSettings

_OWN_FORMAT = 1
"""Format of `vitrine.json`."""


def load_checkpoint(checkpoint: str, *, pins: Pins = AS_LOCKED, wishes: Wishes = NO_WISHES) -> Checkpoint:
    """Load a checkpoint from a folder or, if there is no such folder, from the hub.

    One of the hub that its lock file does not have is recorded there, once it is loaded, unless the pins forbid it.

    Raises:
        BuildError: no such checkpoint, or not the one that was named, another architecture, no safetensors,
            weights or files that are missing or broken, or a processor that
            the photo step does not reproduce.
    """
    folder, fetched = Path(checkpoint), None
    if not folder.is_dir():
        fetched = fetch_checkpoint(checkpoint, pins)
        folder = fetched.folder
    architecture = require_architecture(folder, checkpoint)
    require_whole(folder, checkpoint)
    digests = dict(fetched.locked.sha256) if fetched else sha256_of_folder(folder)
    require_weights(folder, checkpoint, digests, pins.sha256)
    require_memory(folder, checkpoint)
    parts = family_of(architecture, checkpoint).load_parts(folder, checkpoint, wishes)
    own_file = folder / "vitrine.json"
    own = _read_object(own_file) if own_file.exists() else {}
    pointing_heads = _pointing_heads(own, parts.text_layers_heads, checkpoint)
    if fetched:
        record_fetched(checkpoint, fetched, pins)
    return Checkpoint(
        name=checkpoint if fetched else folder.name,
        architecture=architecture,
        folder=folder,
        parts=parts,
        settings=StepSettings(
            parts.steps,
            own.get("cannot_tell_answers", parts.cannot_tell_answers),
            own.get("not_understood_answers", {}),
            own.get("answer_spelling", {}),
        ),
        pointing_heads=pointing_heads,
        sha256=digests,
        revision=fetched.locked.revision if fetched else None,
    )


def _read_object(file: Path) -> dict[str, Any]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise TypeError("not an object")
        remedy = f'check its fields against docs/reference/file-formats.md, then give it "format": {_OWN_FORMAT}'
        require_format(settings, _OWN_FORMAT, file=file, remedy=remedy)
    except FormatError as error:
        raise UsageError(str(error)) from error
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file} is not a JSON object ({error})") from error
    return settings


def _pointing_heads(
    settings: dict[str, Any], layers_heads: tuple[int, int] | None, checkpoint: str
) -> tuple[tuple[int, int], ...] | None:
    if "pointing_heads" not in settings or layers_heads is None:
        return None
    layers, heads = layers_heads
    named = tuple((int(layer), int(head)) for layer, head in settings["pointing_heads"])
    if not named or not all(0 <= layer < layers and 0 <= head < heads for layer, head in named):
        raise UsageError(
            f"{checkpoint}/vitrine.json: pointing_heads are {list(named)}, but pairs of a layer under {layers} and a "
            f"head under {heads} are expected"
        )
    return named
