"""Answers of transformers to a build's questions: the truth that engines are held to."""

import io
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from builders.checkpoint.checkpoint import Checkpoint
from builders.graphs.answer_decoder import LEAST_ATTENTION
from builders.parity.outputs import Reference


@torch.inference_mode()
def reference_outputs(
    checkpoint: Checkpoint, photos: Sequence[bytes], questions: Sequence[tuple[int, str]], answer_tokens: int
) -> Reference:
    """Answer with transformers alone, one question at a time, unpadded.

    Args:
        photos: encoded.
        questions: index of the photo, and the text.
        answer_tokens: T.
    """
    model = checkpoint.model
    images = [Image.open(io.BytesIO(photo)).convert("RGB") for photo in photos]
    pixels = checkpoint.image_processor(images, return_tensors="pt")["pixel_values"]
    vision = [model.vision_model(one[None]) for one in pixels]
    rows = [
        _answer(checkpoint, pixels[photo : photo + 1], vision[photo].last_hidden_state, text, answer_tokens)
        for photo, text in tqdm(questions, desc="reference", unit="question", leave=False, disable=None)
    ]
    return Reference(
        features=np.concatenate([v.last_hidden_state.numpy() for v in vision]),
        pooled=np.concatenate([v.pooler_output.numpy() for v in vision]),
        answer_ids=np.stack([ids for ids, _, _ in rows]),
        answer_logprobs=np.stack([logprobs for _, logprobs, _ in rows]),
        attention=np.stack([attention for _, _, attention in rows]),
    )


def _answer(
    checkpoint: Checkpoint, pixels: torch.Tensor, features: torch.Tensor, text: str, answer_tokens: int
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    model, config = checkpoint.model, checkpoint.model.config.text_config
    asked = checkpoint.tokenizer(text, return_tensors="pt")
    generated = model.generate(
        pixel_values=pixels,
        input_ids=asked.input_ids,
        attention_mask=asked.attention_mask,
        max_new_tokens=answer_tokens,
        do_sample=False,
        num_beams=1,
    )  # [1, 1 + tokens], the start token first
    encoded = model.text_encoder(
        input_ids=asked.input_ids,
        attention_mask=asked.attention_mask,
        encoder_hidden_states=features,
        output_attentions=True,
    )
    logits = model.text_decoder(input_ids=generated[:, :-1], encoder_hidden_states=encoded.last_hidden_state).logits
    said = generated[0, 1:]
    ids = np.full(answer_tokens, config.pad_token_id, np.int32)
    logprobs = np.zeros(answer_tokens, np.float32)
    ids[: len(said)] = said.numpy()
    logprobs[: len(said)] = torch.log_softmax(logits[0], dim=1)[torch.arange(len(said)), said].numpy()
    return ids, logprobs, _attention(encoded.cross_attentions, checkpoint.pointing_heads).numpy()


def _attention(
    cross_attentions: Sequence[torch.Tensor], pointing_heads: tuple[tuple[int, int], ...] | None
) -> torch.Tensor:
    """[N]: see `QuestionEncoder`.

    Args:
        cross_attentions: of each layer, [1, H, L, N].
    """
    per_head = torch.stack([layer[0].mean(dim=1) for layer in cross_attentions])  # [layers, H, N]
    every_head = [(layer, head) for layer in range(per_head.shape[0]) for head in range(per_head.shape[1])]
    heads = pointing_heads or every_head
    agreed = (torch.stack([per_head[layer, head] for layer, head in heads]) + LEAST_ATTENTION).log().mean(0).exp()
    return agreed / agreed.sum()
