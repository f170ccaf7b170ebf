"""Answers of transformers to a build's questions: the truth that engines are held to."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from builders.checkpoint.checkpoint import Checkpoint
from builders.families.language.prompt import require_seams
from builders.families.qwen3_vl.load import IMAGE_PLACEHOLDER
from builders.parity.outputs import Reference
from builders.parity.tolerances import PARITY_LIMITS
from vitrine_steps.photo.pixels import pixels_from_photo


@torch.inference_mode()
def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone, one question at a time, unpadded.

    The photo is fitted into the square as the serving step does it, since the model's own processor would choose a grid
    of its own for each.

    Args:
        photos: encoded.
        questions: index of the photo, and the text.
        answer_tokens: T.

    Raises:
        UsageError: a question's tokens reach into the prompt's.
    """
    prompt = checkpoint.parts.prompt
    assert prompt
    require_seams(checkpoint.tokenizer, prompt, IMAGE_PLACEHOLDER, sorted({text for _, text in questions}))
    seen = [_pixel_values(checkpoint, photo) for photo in photos]
    features = [_features(checkpoint, inputs) for inputs in seen]
    rows = [
        _answer(checkpoint, seen[photo], text, answer_tokens)
        for photo, text in tqdm(questions, desc="reference", unit="question", leave=False, disable=None)
    ]
    return Reference(
        features=np.stack(features),
        pooled=np.stack([one.mean(0) for one in features]),
        answer_ids=np.stack([ids for ids, _, _ in rows]),
        answer_logprobs=np.stack([logprobs for _, logprobs, _ in rows]),
        attention=np.stack([attention for _, _, attention in rows]),
    )


def _pixel_values(checkpoint: Checkpoint, photo: bytes) -> dict[str, torch.Tensor]:
    """What the model takes of a photo, cut by the checkpoint's own processor out of the square."""
    parts = checkpoint.parts
    square = pixels_from_photo(
        photo, side_px=parts.image_px, limits=PARITY_LIMITS, draft_ratio=None, fit=parts.steps.photo_fit
    )
    found = parts.image_processor(Image.fromarray(square), do_resize=False, return_tensors="pt")
    return {name: found[name] for name in ("pixel_values", "image_grid_thw")}


def _features(checkpoint: Checkpoint, inputs: dict[str, torch.Tensor]) -> NDArray[np.float32]:
    """[N, D · (1 + deep layers)]."""
    found = checkpoint.model.model.get_image_features(**inputs)
    deep = [layer[0] if isinstance(layer, (list, tuple)) else layer for layer in found.deepstack_features]
    features: NDArray[np.float32] = torch.cat([found.pooler_output[0], *deep], -1).float().numpy()
    return features


def _answer(
    checkpoint: Checkpoint, photo: dict[str, torch.Tensor], text: str, answer_tokens: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    model, parts = checkpoint.model, checkpoint.parts
    assert parts.prompt
    asked = parts.tokenizer.backend_tokenizer.encode(text, add_special_tokens=False).ids
    ids = torch.tensor([[*parts.prompt.prefix_ids, *asked, *parts.prompt.suffix_ids]])
    kinds = (
        ids == model.config.image_token_id
    ).int()  # without them it falls back to plain positions, and says nothing
    pad_id = parts.steps.pad_id
    generated = model.generate(
        input_ids=ids,
        attention_mask=torch.ones_like(ids),
        mm_token_type_ids=kinds,
        **photo,
        max_new_tokens=answer_tokens,
        do_sample=False,
        num_beams=1,
        repetition_penalty=1.0,
        pad_token_id=pad_id,
        output_logits=True,
        return_dict_in_generate=True,
    )
    said = generated.sequences[0, ids.shape[1] :]
    found, logprobs = np.full(answer_tokens, pad_id, np.int32), np.zeros(answer_tokens, np.float32)
    found[: len(said)] = said.numpy()
    scores = torch.stack(generated.logits, 1)[0].float().log_softmax(1)
    logprobs[: len(said)] = scores[torch.arange(len(said)), said].numpy()
    return found, logprobs, _attention(model, ids, kinds, photo)


def _attention(
    model: Any, ids: torch.Tensor, kinds: torch.Tensor, photo: dict[str, torch.Tensor]
) -> NDArray[np.float32]:
    """[N]: the last prompt token's attention to the photo, mean over layers and heads, summing to 1."""
    before = model.config._attn_implementation
    model.set_attn_implementation("eager")  # others do not tell
    try:
        looked = model(
            input_ids=ids, attention_mask=torch.ones_like(ids), mm_token_type_ids=kinds, **photo, output_attentions=True
        ).attentions
    finally:
        model.set_attn_implementation(before)
    mean = torch.stack([layer[0, :, -1].float().mean(0) for layer in looked]).mean(0)[kinds[0] > 0]
    attention: NDArray[np.float32] = (mean / mean.sum()).numpy()
    return attention
