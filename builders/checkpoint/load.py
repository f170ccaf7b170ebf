"""Loads a BLIP checkpoint: model, processor and settings together, so that they cannot be mismatched."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.checkpoint.digests import sha256_of_folder
from builders.checkpoint.pins import SUMS, require_pinned, require_weights
from builders.errors import BuildError, UsageError

SUPPORTED_ARCHITECTURE = "BlipForQuestionAnswering"
_BICUBIC = 3
_FILES = (
    "config.json",
    "generation_config.json",
    "*.safetensors*",
    "tokenizer*",
    "vocab.txt",
    "special_tokens_map.json",
    "preprocessor_config.json",
    "processor_config.json",
    "vitrine.json",
    SUMS,
)
_DEFAULT_ANSWER_TOKENS = 10


@dataclass(frozen=True)
class Checkpoint:
    name: str
    folder: Path
    model: Any
    """`transformers.BlipForQuestionAnswering`, FP32, in evaluation mode."""
    tokenizer: Any
    """`transformers` fast tokenizer."""
    image_processor: Any
    """`transformers.BlipImageProcessorPil`."""
    answer_tokens: int
    """The longest answer that the checkpoint was trained for, end token counted in."""
    cannot_tell_answers: dict[str, list[str]]
    """Answers that mean "the photo does not show it", by language."""
    not_understood_answers: dict[str, list[str]]
    """Answers that mean that a text asks nothing that is understood, by language."""
    answer_spelling: dict[str, str]
    """Whole answers that the tokenizer cannot spell, from how it does to how they are written."""
    pointing_heads: tuple[tuple[int, int], ...] | None
    """Layer and head of the question encoder that look at what is asked about; None: not known."""
    sha256: dict[str, str]
    """Per file of the checkpoint, in hexadecimal."""

    @property
    def image_px(self) -> int:
        return int(self.model.config.vision_config.image_size)

    @property
    def grid(self) -> int:
        """Patches along one side of the photo."""
        return self.image_px // int(self.model.config.vision_config.patch_size)

    @property
    def image_tokens(self) -> int:
        """One a patch, and the class token."""
        return self.grid**2 + 1

    @property
    def image_width(self) -> int:
        return int(self.model.config.vision_config.hidden_size)


def load_checkpoint(checkpoint: str, *, revision: str | None = None, sha256: Sequence[str] = ()) -> Checkpoint:
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
        folder = _downloaded(checkpoint, revision)
    _require_supported(folder, checkpoint)
    require_weights(folder, checkpoint, list(sha256))
    # Heavy imports wait until the arguments are known to be good.
    from safetensors import SafetensorError
    from transformers import AutoTokenizer, BlipForQuestionAnswering, BlipImageProcessorPil
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        model, loaded = BlipForQuestionAnswering.from_pretrained(folder, use_safetensors=True, output_loading_info=True)
        processor = BlipImageProcessorPil.from_pretrained(folder)
        tokenizer = AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UsageError(f"{checkpoint} cannot be loaded: {error}") from error
    model = model.float().eval()
    _require_complete(loaded, len(tokenizer), int(model.config.text_config.vocab_size), checkpoint)
    _require_reproducible(processor, int(model.config.vision_config.image_size))
    settings_file = folder / "vitrine.json"
    settings = _settings(settings_file) if settings_file.exists() else {}
    return Checkpoint(
        name=folder.name if Path(checkpoint).is_dir() else checkpoint,
        folder=folder,
        model=model,
        tokenizer=tokenizer,
        image_processor=processor,
        answer_tokens=int(model.generation_config.max_new_tokens or _DEFAULT_ANSWER_TOKENS),
        cannot_tell_answers=settings.get("cannot_tell_answers", {}),
        not_understood_answers=settings.get("not_understood_answers", {}),
        answer_spelling=settings.get("answer_spelling", {}),
        pointing_heads=_pointing_heads(settings, model, checkpoint),
        sha256=sha256_of_folder(folder),
    )


def _settings(file: Path) -> dict[str, Any]:
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(settings, dict):
            raise TypeError("not an object")
    except (ValueError, TypeError) as error:
        raise UsageError(f"{file} is not a JSON object ({error})") from error
    return settings


def _pointing_heads(settings: dict[str, Any], model: Any, checkpoint: str) -> tuple[tuple[int, int], ...] | None:
    if "pointing_heads" not in settings:
        return None
    text = model.config.text_config
    layers, heads = int(text.num_hidden_layers), int(text.num_attention_heads)
    named = tuple((int(layer), int(head)) for layer, head in settings["pointing_heads"])
    if not named or not all(0 <= layer < layers and 0 <= head < heads for layer, head in named):
        raise UsageError(
            f"{checkpoint}/vitrine.json: pointing_heads are {list(named)}, but pairs of a layer under {layers} and a "
            f"head under {heads} are expected"
        )
    return named


def _downloaded(hub_id: str, revision: str | None) -> Path:
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


def _require_supported(folder: Path, checkpoint: str) -> None:
    config_file = folder / "config.json"
    if not config_file.exists():
        raise UsageError(f"{checkpoint} has no config.json: name a folder in the transformers format")
    try:
        architectures = json.loads(config_file.read_text(encoding="utf-8")).get("architectures") or [
            "model of no named architecture"
        ]
    except (ValueError, AttributeError) as error:
        raise UsageError(f"{checkpoint}/config.json is not a JSON object ({error})") from error
    if architectures != [SUPPORTED_ARCHITECTURE]:
        raise UsageError(
            f"{checkpoint} is a {', '.join(architectures)}; supported is {SUPPORTED_ARCHITECTURE} "
            "(such as Salesforce/blip-vqa-base, or one fine-tuned from it)"
        )
    if not any((folder / name).exists() for name in ("tokenizer.json", "vocab.txt")):
        raise UsageError(f"{checkpoint} has no tokenizer.json and no vocab.txt: save its processor beside its weights")
    if not any(folder.glob("*.safetensors")):
        raise UsageError(
            f"{checkpoint} has no *.safetensors: save it with save_pretrained(..., safe_serialization=True); "
            "pickled weights are not loaded, because they can run code"
        )


def _require_complete(loaded: dict[str, Any], tokens: int, vocabulary: int, checkpoint: str) -> None:
    """Transformers fills missing weights with random ones, and parity would compare those with themselves."""
    wrong = sorted(str(name) for kind in ("missing_keys", "mismatched_keys") for name in loaded[kind])
    if wrong:
        raise UsageError(
            f"{checkpoint} lacks {len(wrong)} weights that the architecture has, or has them in another shape: "
            f"{', '.join(wrong[:3])}{' ...' if len(wrong) > 3 else ''}"
        )
    if tokens > vocabulary:
        raise UsageError(f"{checkpoint}: the tokenizer has {tokens} tokens, the model only {vocabulary}")


def _require_reproducible(processor: Any, image_px: int) -> None:
    """The photo step resizes to a square with Pillow's bicubic filter, no crop, and the graph normalises."""
    size = dict(processor.size)
    expected = {"height": image_px, "width": image_px}
    problems = []
    if size != expected:
        problems.append(f"resizes to {size}, where the vision tower takes {expected}")
    if int(processor.resample) != _BICUBIC:
        problems.append(f"resample {processor.resample}, where the photo step has bicubic ({_BICUBIC})")
    if not (processor.do_resize and processor.do_rescale and processor.do_normalize):
        problems.append("does not resize, rescale and normalise")
    if abs(processor.rescale_factor - 1 / 255) > 1e-9:
        problems.append(f"rescales by {processor.rescale_factor}, where the graph has 1/255")
    if problems:
        raise UsageError("the checkpoint's image processor is not the photo step's: " + "; ".join(problems))
