"""Loads a BLIP's files, and checks that nothing of them is missing and that the photo step can reproduce them."""

from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from vitrine_steps.step_settings import FamilySettings

_BICUBIC = 3
_DEFAULT_ANSWER_TOKENS = 10


def load_parts(folder: Path, checkpoint: str, wishes: Wishes) -> ModelParts:
    """Load model, tokenizer and image processor.

    Args:
        folder: of files in the transformers format.
        checkpoint: what the caller named, for messages.
        wishes: none can be granted: the photo's side is the vision tower's, and a BLIP reads no instruction.

    Raises:
        UsageError: files or weights are missing, broken or of another shape, or the image processor does what
            the photo step does not.
    """
    if wishes.instruction is not None:
        raise UsageError(f"--instruction: {checkpoint} is a BLIP, which reads the question alone: leave it out")
    # Heavy imports wait until the arguments are known to be good.
    model, loaded, processor, tokenizer = _read(folder, checkpoint)
    model = model.float().eval()
    vision, text = model.config.vision_config, model.config.text_config
    _require_complete(loaded, len(tokenizer), int(text.vocab_size), checkpoint)
    _require_reproducible(processor, int(vision.image_size))
    if wishes.image_px not in (None, int(vision.image_size)):
        raise UsageError(f"--image-px is {wishes.image_px}, but {checkpoint} takes photos of {vision.image_size} px")
    grid = int(vision.image_size) // int(vision.patch_size)
    return ModelParts(
        model=model,
        tokenizer=tokenizer,
        image_processor=processor,
        image_px=int(vision.image_size),
        grid=grid,
        image_tokens=grid**2 + 1,  # one a patch, and the class token
        image_width=int(vision.hidden_size),
        max_text_tokens=int(text.max_position_embeddings),
        answer_tokens=int(model.generation_config.max_new_tokens or _DEFAULT_ANSWER_TOKENS),
        steps=_step_settings(int(text.pad_token_id), tokenizer.unk_token_id),
        text_layers_heads=(int(text.num_hidden_layers), int(text.num_attention_heads)),
    )


def _step_settings(pad_id: int, unknown_id: int) -> FamilySettings:
    """Say what the steps need to know of a BLIP, whose tokenizer is BERT's: [CLS] before a text."""
    return FamilySettings(
        pad_id,
        unknown_id,
        prefix_tokens=1,
        splits_words=True,
        end_id=None,
        suffix_ids=(),
        photo_fit="stretch",
        leading_image_tokens=1,
    )


def _read(folder: Path, checkpoint: str) -> tuple[Any, Any, Any, Any]:
    """Model, what was missing of it, image processor and tokenizer."""
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
    return model, loaded, processor, tokenizer


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
