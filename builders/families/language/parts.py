"""What a build needs to know of a chat model that sees, whatever its tower: prompt, ends of answers, sizes."""

from typing import Any

from builders.checkpoint.checkpoint import ModelParts, Wishes
from builders.errors import UsageError
from builders.families.language.prompt import CANNOT_TELL, CONTEXT_TEXT, DEFAULT_INSTRUCTION, prompt_of
from vitrine_steps.step_settings import FamilySettings

_MOST_TEXT_TOKENS = 512
_ANSWER_TOKENS = 16


def language_parts(
    checkpoint: str,
    model: Any,
    tokenizer: Any,
    processor: Any,
    wishes: Wishes,
    *,
    image_px: int,
    grid: int,
    image_width: int,
    image_token: str,
    around_photo: tuple[str, str] = ("", ""),
) -> ModelParts:
    """Describe a loaded model to the builders.

    Args:
        checkpoint: what the caller named, for messages.
        grid: image tokens along one side of the photo.
        image_width: numbers in a row of the photo's features.
        image_token: text of the placeholder of one image token.
        around_photo: what the family's processor puts before and behind these, where the chat template does not.

    Raises:
        UsageError: the tokenizer, the chat template or the generation settings are not as the graphs have them.
    """
    require_greedy(model.generation_config, checkpoint)
    found, expected = tokenizer.convert_tokens_to_ids(image_token), model.config.image_token_id
    if found != expected:
        raise UsageError(
            f"{checkpoint}: {image_token} is token {found} of the tokenizer, but image_token_id is {expected} in "
            "config.json: they are of two checkpoints"
        )
    instruction = DEFAULT_INSTRUCTION if wishes.instruction is None else wishes.instruction
    prompt = prompt_of(tokenizer, image_token, grid**2, instruction, around_photo)
    return ModelParts(
        model=model,
        tokenizer=tokenizer,
        image_processor=processor,
        image_px=image_px,
        grid=grid,
        image_tokens=grid**2,
        image_width=image_width,
        max_text_tokens=min(_MOST_TEXT_TOKENS, int(model.config.text_config.max_position_embeddings)),
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
        context_text=CONTEXT_TEXT,
        photo_fit="pad",
        leading_image_tokens=0,
    )


def require_known(checkpoint: str, found: dict[str, tuple[Any, tuple[Any, ...]]]) -> None:
    """Check settings of the configuration.

    Args:
        checkpoint: what the caller named, for the message.
        found: by name, the value, and those that the graphs have.

    Raises:
        UsageError: names the first that they do not have.
    """
    for name, (value, known) in found.items():
        if value not in known:
            raise UsageError(
                f"{checkpoint}/config.json: {name} is {value!r}, but the graphs have {' and '.join(map(repr, known))} "
                "alone: name another checkpoint"
            )


def require_own_side(wishes: Wishes, image_px: int) -> None:
    """
    Raises:
        UsageError: a side is wished for that is not the tower's own.
    """
    if wishes.image_px not in (None, image_px):
        raise UsageError(
            f"--image-px is {wishes.image_px}, but this checkpoint takes {image_px} only: its vision tower has learned "
            "the places of patches in such a square"
        )


def require_processor(processor: Any, expected: dict[str, Any]) -> None:
    """Check what the serving step and the graph do in an image processor's place: a square, in the graph normalised.

    Args:
        expected: the family's own settings of it, beside those that all have.

    Raises:
        UsageError: names the settings that differ.
    """
    expected = expected | {"do_rescale": True, "do_normalize": True}
    wrong = {name: getattr(processor, name) for name, value in expected.items() if getattr(processor, name) != value}
    if abs(processor.rescale_factor - 1 / 255) > 1e-9:
        wrong["rescale_factor"] = processor.rescale_factor
    if wrong:
        raise UsageError(
            f"the checkpoint's image processor has {wrong}, but {expected} and a rescale_factor of 1/255 are expected: "
            "it is another family's"
        )


def require_greedy(generation: Any, checkpoint: str) -> None:
    """Refuse settings that `generate` applies to greedy answers as well; the graph has none of them.

    Raises:
        UsageError: names them.
    """
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
