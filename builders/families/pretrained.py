"""What every family reads from a checkpoint of transformers, and checks of it."""

import json
from pathlib import Path
from typing import Any

from builders.errors import UsageError


def read_pretrained(folder: Path, checkpoint: str, model_class: Any, processor_class: Any) -> tuple[Any, Any, Any]:
    """Read model, image processor and tokenizer.

    Args:
        folder: of files in the transformers format.
        checkpoint: what the caller named, for messages.
        model_class, processor_class: of transformers.

    Returns:
        The model in FP32 and in evaluation mode, the image processor, the tokenizer.

    Raises:
        UsageError: files or weights are missing, broken or of another shape.
    """
    from safetensors import SafetensorError
    from transformers import AutoTokenizer
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # it names kernels that it would rather have
    try:
        model, loaded = model_class.from_pretrained(folder, use_safetensors=True, output_loading_info=True)
        processor, tokenizer = processor_class.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise UsageError(f"{checkpoint} cannot be loaded: {error}") from error
    tokenizer.chat_template = tokenizer.chat_template or _template_beside(folder, checkpoint)
    # Transformers fills missing weights with random ones, and parity would compare those with themselves.
    wrong = sorted(str(name) for kind in ("missing_keys", "mismatched_keys") for name in loaded[kind])
    if wrong:
        raise UsageError(
            f"{checkpoint} lacks {len(wrong)} weights that the architecture has, or has them in another shape: "
            f"{', '.join(wrong[:3])}{' ...' if len(wrong) > 3 else ''}"
        )
    vocabulary = int(model.config.text_config.vocab_size)
    if len(tokenizer) > vocabulary:
        raise UsageError(f"{checkpoint}: the tokenizer has {len(tokenizer)} tokens, the model only {vocabulary}")
    return model.float().eval(), processor, tokenizer


def _template_beside(folder: Path, checkpoint: str) -> str | None:
    """The chat template of a file of its own, as processors of older versions of transformers wrote it."""
    file = folder / "chat_template.json"
    if not file.exists():
        return None
    try:
        return str(json.loads(file.read_text("utf-8"))["chat_template"])
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f'{checkpoint}/{file.name} is not an object with a "chat_template": take it as it was published'
        ) from error
