"""Loads a BLIP's files, and checks that nothing of them is missing and that the photo step can reproduce them."""

from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from builders.families.pretrained import read_pretrained
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
    from transformers import BlipForQuestionAnswering, BlipImageProcessorPil

    model, processor, tokenizer = read_pretrained(folder, checkpoint, BlipForQuestionAnswering, BlipImageProcessorPil)
    vision, text = model.config.vision_config, model.config.text_config
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
        steps=step_settings(int(text.pad_token_id), tokenizer.unk_token_id),
        text_layers_heads=(int(text.num_hidden_layers), int(text.num_attention_heads)),
    )


def step_settings(pad_id: int, unknown_id: int) -> FamilySettings:
    """Say what the steps need to know of a BLIP, whose tokenizer is BERT's: [CLS] before a text."""
    return FamilySettings(
        pad_id,
        unknown_id,
        prefix_tokens=1,
        splits_words=True,
        end_id=None,
        suffix_ids=(),
        context_text=None,
        photo_fit="stretch",
        leading_image_tokens=1,
    )


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
