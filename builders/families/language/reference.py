"""Answers of transformers to a build's questions: the truth that engines of chat models are held to."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.language.prompt import require_seams
from builders.parity.outputs import Reference
from builders.parity.tolerances import PARITY_LIMITS
from vitrine_steps.photo.pixels import pixels_from_photo

Inputs = dict[str, torch.Tensor]
"""Of a model of transformers, by name."""


@torch.inference_mode()
def language_reference(
    checkpoint: Checkpoint,
    photos: Sequence[bytes],
    questions: Sequence[tuple[int, str]],
    answer_tokens: int,
    *,
    image_token: str,
    inputs_of: Callable[[Checkpoint, Image.Image], Inputs],
    features_of: Callable[[Any], torch.Tensor],
    needs_token_types: bool,
) -> Reference:
    """Answer with transformers' `generate` alone, one question at a time, unpadded.

    A photo is fitted into the square as the serving step does it, since a model's own processor would choose a grid of
    its own for each.

    Args:
        photos: encoded.
        questions: index of the photo, and the text.
        answer_tokens: T.
        image_token: text of the placeholder of one image token.
        inputs_of: what the model takes of a photo in the build's square.
        features_of: [N, D · m], from what the model's `get_image_features` gives.
        needs_token_types: the model falls back to plain positions, and says nothing, where it is not told which tokens
            are the photo's.

    Raises:
        UsageError: a question's tokens reach into the prompt's.
    """
    parts = checkpoint.parts
    assert parts.prompt
    require_seams(checkpoint.tokenizer, parts.prompt, image_token, sorted({text for _, text in questions}))
    seen = [inputs_of(checkpoint, _square(checkpoint, photo)) for photo in photos]
    encoded = [checkpoint.model.model.get_image_features(**inputs, return_dict=True) for inputs in seen]
    features = [features_of(one).float().numpy() for one in encoded]
    rows = []
    with _attention_told(checkpoint.model):
        for photo, text in tqdm(questions, desc="reference", unit="question", leave=False, disable=None):
            asked = parts.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
            ids = torch.tensor([[*parts.prompt.prefix_ids, *asked, *parts.prompt.suffix_ids]])
            is_image = ids == checkpoint.model.config.image_token_id
            inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids), **seen[photo]}
            del inputs["pixel_values"]
            inputs |= {"mm_token_type_ids": is_image.int()} if needs_token_types else {}
            inputs["mm_encoder_outputs"] = {"image": encoded[photo]}
            rows.append(_answer(checkpoint.model, inputs, is_image[0], answer_tokens, parts.steps.pad_id))
    answer_ids, answer_logprobs, attention = (np.stack(column) for column in zip(*rows, strict=True))
    pooled = np.stack([one.mean(0) for one in features])
    return Reference(np.stack(features), pooled, answer_ids, answer_logprobs, attention)


def _square(checkpoint: Checkpoint, photo: bytes) -> Image.Image:
    parts = checkpoint.parts
    return Image.fromarray(
        pixels_from_photo(
            photo, side_px=parts.image_px, limits=PARITY_LIMITS, draft_ratio=None, fit=parts.steps.photo_fit
        )
    )


def _answer(
    model: Any, inputs: dict[str, Any], is_image: torch.Tensor, answer_tokens: int, pad_id: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """Tokens and their log-probabilities, [T] each; and the last prompt token's attention to the photo.

    The attention, [N], is the mean over layers and heads, summing to 1.
    """
    generated = model.generate(
        **inputs,
        max_new_tokens=answer_tokens,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        pad_token_id=pad_id,
        output_logits=True,
        output_attentions=True,
        return_dict_in_generate=True,
    )
    said = generated.sequences[0, inputs["input_ids"].shape[1] :]
    found, logprobs = np.full(answer_tokens, pad_id, np.int32), np.zeros(answer_tokens, np.float32)
    found[: len(said)] = said.numpy()
    scores = torch.stack(generated.logits, 1)[0].float().log_softmax(1)
    logprobs[: len(said)] = scores[torch.arange(len(said)), said].numpy()
    of_layers = [layer[0, :, -1].float().mean(0) for layer in generated.attentions[0] if layer is not None]
    mean = torch.stack(of_layers).mean(0)[is_image]
    return found, logprobs, (mean / mean.sum()).numpy()


@contextmanager
def _attention_told(model: Any) -> Iterator[None]:
    """Let the model tell its attention, as the fast kernels do not."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")
    try:
        yield
    finally:
        model.set_attn_implementation(before)
