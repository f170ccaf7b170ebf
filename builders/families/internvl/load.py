"""Loads an InternVL's files, and checks that the graphs have what its configuration asks for."""

from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from builders.families.language.parts import language_parts, require_known, require_own_side, require_processor
from builders.families.pretrained import read_pretrained

IMAGE_PLACEHOLDER = "<IMG_CONTEXT>"
_AROUND_PHOTO = ("<img>", "</img>")
"""The family's processor puts them there, not the chat template."""
_LANGUAGE_MODELS = ("qwen2", "qwen3")


def load_parts(folder: Path, checkpoint: str, wishes: Wishes) -> ModelParts:
    """Load model, tokenizer and image processor.

    Args:
        folder: of files in the transformers format.
        checkpoint: what the caller named, for messages.
        wishes: what stands before every question; the photo's side is the vision tower's own.

    Raises:
        UsageError: what is missing, broken or not as the graphs have it: files, weights, the photo's side, settings.
    """
    from transformers import InternVLForConditionalGeneration
    from transformers.models.got_ocr2.image_processing_pil_got_ocr2 import GotOcr2ImageProcessorPil

    model, processor, tokenizer = read_pretrained(
        folder, checkpoint, InternVLForConditionalGeneration, GotOcr2ImageProcessorPil
    )
    config = model.config
    require_known(
        checkpoint,
        {
            "text_config.model_type": (config.text_config.model_type, _LANGUAGE_MODELS),
            "vision_feature_layer": (config.vision_feature_layer, (-1,)),
            "vision_feature_select_strategy": (config.vision_feature_select_strategy, ("default",)),
        },
    )
    image_px, grid = _photo_of(config, checkpoint)
    require_own_side(wishes, image_px)
    require_processor(processor, {"size": {"height": image_px, "width": image_px}})
    return language_parts(
        checkpoint, model, tokenizer, processor, wishes, image_px=image_px, grid=grid,
        image_width=int(config.text_config.hidden_size), image_token=IMAGE_PLACEHOLDER,
        around_photo=_AROUND_PHOTO,
    )  # fmt: skip


def _photo_of(config: Any, checkpoint: str) -> tuple[int, int]:
    """Side of the photo in pixels, and image tokens along it."""
    size, patch, ratio = config.vision_config.image_size, config.vision_config.patch_size, config.downsample_ratio
    merge = round(1 / ratio)
    is_square = size[0] == size[1] and patch[0] == patch[1]
    if not is_square or merge * ratio != 1 or size[0] % (patch[0] * merge):
        raise UsageError(
            f"{checkpoint}/config.json: an image_size of {size}, a patch_size of {patch} and a downsample_ratio of "
            f"{ratio}, but a square of whole square patches is expected, of which the ratio merges whole squares, such "
            "as 448, 14 and 0.5: name another checkpoint"
        )
    return size[0], size[0] // (patch[0] * merge)
