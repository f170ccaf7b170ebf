"""Loads a checkpoint from a folder or the hub, once its files are known to be the right ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import NO_WISHES, Checkpoint, Wishes
from builders.checkpoint.contents import require_architecture, require_whole
from builders.checkpoint.digests import sha256_of_folder
from builders.checkpoint.pins import SUMS, require_pinned, require_weights
from builders.errors import BuildError, UsageError
from builders.families import family_of
from vitrine_steps.file_format import FormatError, require_format
from vitrine_steps.step_settings import StepSettings

_FILES = (
    "config.json",
    "generation_config.json",
    "*.safetensors*",
    "tokenizer*",
    "vocab.txt",
    "special_tokens_map.json",
    "preprocessor_config.json",
    "processor_config.json",
    "chat_template*",
    "merges.txt",
    "vocab.json",
    "vitrine.json",
    SUMS,
)
_OWN_FORMAT = 1
"""Format of `vitrine.json`."""


def load_checkpoint(
    checkpoint: str, *, revision: str | None = None, sha256: Sequence[str] = (), wishes: Wishes = NO_WISHES
) -> Checkpoint:
    """Load a checkpoint from a folder or, if there is no such folder, from the hub.

    Args:
        revision: a commit of the hub; needed there.
        sha256: of its weights; needed for the hub.

    Raises:
        BuildError: no such checkpoint, or not the one that was named, another architecture, no safetensors,
            weights or files that are missing or broken, or a processor that
            the photo step does not reproduce.
    """
    folder = Path(checkpoint)
    if not folder.is_dir():
        require_pinned(checkpoint, revision, list(sha256))
        folder = _download(checkpoint, revision)
    architecture = require_architecture(folder, checkpoint)
    require_whole(folder, checkpoint)
    require_weights(folder, checkpoint, list(sha256))
    parts = family_of(architecture, checkpoint).load_parts(folder, checkpoint, wishes)
    own_file = folder / "vitrine.json"
    own = _read_object(own_file) if own_file.exists() else {}
    return Checkpoint(
        name=folder.name if Path(checkpoint).is_dir() else checkpoint,
        architecture=architecture,
        folder=folder,
        parts=parts,
        settings=StepSettings(
            parts.steps,
            own.get("cannot_tell_answers", parts.cannot_tell_answers),
            own.get("not_understood_answers", {}),
            own.get("answer_spelling", {}),
        ),
        pointing_heads=_pointing_heads(own, parts.text_layers_heads, checkpoint),
        sha256=sha256_of_folder(folder),
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


def _download(hub_id: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(hub_id, revision=revision, allow_patterns=list(_FILES)))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise (UsageError if isinstance(error, HFValidationError) else BuildError)(
            f"no checkpoint {hub_id!r}: there is no such folder, and the hub did not give it "
            f"({reason}). Name a folder in the transformers format, or a hub id such as Salesforce/blip-vqa-base"
        ) from error
