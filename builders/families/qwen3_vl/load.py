"""Loads a Qwen3-VL's files, and fixes what a build needs to know: the photo's grid, the prompt, the answers' ends."""

from pathlib import Path
from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from builders.families.language.prompt import CANNOT_TELL, DEFAULT_INSTRUCTION, prompt_of
from builders.families.pretrained import read_pretrained
from vitrine_steps.step_settings import FamilySettings

DEFAULT_IMAGE_PX = 512
_MOST_TEXT_TOKENS = 512
_ANSWER_TOKENS = 16
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
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    model, processor, tokenizer = read_pretrained(
        folder, checkpoint, Qwen3VLForConditionalGeneration, Qwen2VLImageProcessorPil
    )
    image_px = DEFAULT_IMAGE_PX if wishes.image_px is None else wishes.image_px
    vision, text = model.config.vision_config, model.config.text_config
    token_px = vision.patch_size * vision.spatial_merge_size
    if image_px <= 0 or image_px % token_px:
        raise UsageError(f"--image-px is {image_px}, but this family takes multiples of {token_px}, such as 512 or 768")
    _require_processor(processor, vision)
    _require_greedy(model.generation_config, checkpoint)
    grid = image_px // token_px
    prompt = prompt_of(
        tokenizer, IMAGE_PLACEHOLDER, grid**2, DEFAULT_INSTRUCTION if wishes.instruction is None else wishes.instruction
    )
    return ModelParts(
        model=model,
        tokenizer=tokenizer,
        image_processor=processor,
        image_px=image_px,
        grid=grid,
        image_tokens=grid**2,
        image_width=int(text.hidden_size) * (1 + len(vision.deepstack_visual_indexes)),
        max_text_tokens=min(_MOST_TEXT_TOKENS, int(text.max_position_embeddings)),
        answer_tokens=_ANSWER_TOKENS,
        steps=_step_settings(tokenizer, model.generation_config, prompt.suffix_ids),
        text_layers_heads=None,
        prompt=prompt,
        cannot_tell_answers=CANNOT_TELL if wishes.instruction is None else {},
    )


def end_ids_of(generation: Any) -> tuple[int, ...]:
    """Tokens that end an answer; the first one is put behind the candidates of a list."""
    ends = generation.eos_token_id
    return tuple(ends) if isinstance(ends, list) else (int(ends),)


def _step_settings(tokenizer: Any, generation: Any, suffix_ids: tuple[int, ...]) -> FamilySettings:
    ends = end_ids_of(generation)
    pad = generation.pad_token_id if generation.pad_token_id is not None else tokenizer.pad_token_id
    return FamilySettings(
        pad_id=int(ends[0] if pad is None else pad),
        unknown_id=None,
        prefix_tokens=0,
        splits_words=False,
        end_id=ends[0],
        suffix_ids=suffix_ids,
        photo_fit="pad",
        leading_image_tokens=0,
    )


def _require_processor(processor: Any, vision: Any) -> None:
    """The photo step gives a square, and the graph normalises it."""
    expected = {
        "patch_size": vision.patch_size,
        "merge_size": vision.spatial_merge_size,
        "temporal_patch_size": vision.temporal_patch_size,
        "do_rescale": True,
        "do_normalize": True,
    }
    wrong = {name: getattr(processor, name) for name, value in expected.items() if getattr(processor, name) != value}
    if wrong or abs(processor.rescale_factor - 1 / 255) > 1e-9:
        raise UsageError(
            f"the checkpoint's image processor has {wrong or processor.rescale_factor}, but {expected} and 1/255 are "
            "expected: it is another family's"
        )


def _require_greedy(generation: Any, checkpoint: str) -> None:
    """`generate` applies these to greedy answers as well; the graph has none of them."""
    wrong = {
        name: value
        for name, neutral in (("repetition_penalty", 1.0), ("no_repeat_ngram_size", 0), ("min_new_tokens", 0))
        if (value := getattr(generation, name, None)) not in (None, neutral)
    }
    if wrong:
        raise UsageError(
            f"{checkpoint}/generation_config.json has {wrong}, which the answer decoder does not: take it out, if its "
            "answers are right without"
        )
