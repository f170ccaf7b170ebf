"""Loads a Qwen3-VL's files, and fixes the photo's grid."""

from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from builders.families.language.parts import language_parts, require_processor
from builders.families.pretrained import read_pretrained

DEFAULT_IMAGE_PX = 512
IMAGE_PLACEHOLDER = "<|image_pad|>"


def load_parts(folder: Path, checkpoint: str, wishes: Wishes) -> ModelParts:
    """Load model, tokenizer and image processor.

    Args:
        folder: of files in the transformers format.
        checkpoint: what the caller named, for messages.
        wishes: the side of the square that photos are fitted into, and what stands before every question.

    Raises:
        UsageError: what is missing, broken or not as the graphs have it: files, weights, the photo's side, settings.
    """
    from transformers import Qwen3VLForConditionalGeneration

    return qwen_parts(folder, checkpoint, wishes, Qwen3VLForConditionalGeneration)


def qwen_parts(folder: Path, checkpoint: str, wishes: Wishes, model_class: Any) -> ModelParts:
    """Load a model with the vision tower of Qwen3-VL.

    Args:
        model_class: of transformers.
    """
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    model, processor, tokenizer = read_pretrained(folder, checkpoint, model_class, Qwen2VLImageProcessorPil)
    image_px = DEFAULT_IMAGE_PX if wishes.image_px is None else wishes.image_px
    vision = model.config.vision_config
    token_px = vision.patch_size * vision.spatial_merge_size
    if image_px <= 0 or image_px % token_px:
        raise UsageError(f"--image-px is {image_px}, but this family takes multiples of {token_px}, such as 512 or 768")
    cut = {"patch_size": vision.patch_size, "merge_size": vision.spatial_merge_size}
    require_processor(processor, cut | {"temporal_patch_size": vision.temporal_patch_size})
    layers = 1 + len(getattr(vision, "deepstack_visual_indexes", ()))
    return language_parts(
        checkpoint, model, tokenizer, processor, wishes, image_px=image_px, grid=image_px // token_px,
        image_width=int(model.config.text_config.hidden_size) * layers, image_token=IMAGE_PLACEHOLDER,
    )  # fmt: skip
