"""Loads a SmolVLM's files, and checks that the graphs have what its configuration asks for."""

from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from builders.families.language.parts import language_parts, require_known, require_own_side, require_processor
from builders.families.pretrained import read_pretrained

IMAGE_PLACEHOLDER = "<image>"
_AROUND_PHOTO = ("<fake_token_around_image><global-img>", "<fake_token_around_image>")
"""The family's processor puts them there, where it cuts no tiles."""


def load_parts(folder: Path, checkpoint: str, wishes: Wishes) -> ModelParts:
    """Load model, tokenizer and image processor.

    Args:
        folder: of files in the transformers format.
        checkpoint: what the caller named, for messages.
        wishes: what stands before every question; the photo's side is the vision tower's own.

    Raises:
        UsageError: what is missing, broken or not as the graphs have it: files, weights, the photo's side, settings.
    """
    from transformers import SmolVLMForConditionalGeneration
    from transformers.models.smolvlm.image_processing_pil_smolvlm import SmolVLMImageProcessorPil

    model, processor, tokenizer = read_pretrained(
        folder, checkpoint, SmolVLMForConditionalGeneration, SmolVLMImageProcessorPil
    )
    text = model.config.text_config
    require_known(
        checkpoint,
        {
            "text_config.model_type": (text.model_type, ("llama",)),
            "text_config.hidden_act": (text.hidden_act, ("silu",)),
        },
    )
    image_px, grid = _photo_of(model.config, checkpoint)
    require_own_side(wishes, image_px)
    require_processor(processor, {"max_image_size": {"longest_edge": image_px}})
    return language_parts(
        checkpoint, model, tokenizer, processor, wishes, image_px=image_px, grid=grid,
        image_width=int(text.hidden_size), image_token=IMAGE_PLACEHOLDER, around_photo=_AROUND_PHOTO,
    )  # fmt: skip


def _photo_of(config: Any, checkpoint: str) -> tuple[int, int]:
    """Side of the photo in pixels, and image tokens along it.

    Pixels behind the last whole patch are not seen, as transformers has it: of 384, 378 in patches of 14.
    """
    size, patch, scale = config.vision_config.image_size, config.vision_config.patch_size, config.scale_factor
    patches = size // patch
    if patches == 0 or patches % scale:
        raise UsageError(
            f"{checkpoint}/config.json: an image_size of {size}, a patch_size of {patch} and a scale_factor of "
            f"{scale}, but patches are expected that the factor merges in whole squares, such as 512, 16 and 4: name "
            "another checkpoint"
        )
    return size, patches // scale
