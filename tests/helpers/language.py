"""Tiny language models that see, with random weights, and what transformers' own `generate` says of them."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from builders.engine_spec import ANSWER_DECODER, IMAGE_ENCODER, Axis, EngineSpec, TensorSpec
from builders.graphs.export import export_engine
from builders.graphs.language.attention import attention_layers
from builders.graphs.language.decoder import language_decoder
from builders.graphs.language.model import LanguageOptions
from builders.graphs.language.segments import PromptHead
from builders.graphs.qwen_vision import QwenImageEncoder
from tests.helpers.qwen import DEEP_LAYERS, PATCH, WIDTH, tiny_qwen3_vl
from vitrine_steps.features import DIGEST_BYTES, EXTRA_ROWS

SIDE_PX, MERGE = 128, 2
GRID = SIDE_PX // PATCH
IMAGE_TOKENS = (GRID // MERGE) ** 2
QUESTION_TOKENS, ANSWER_TOKENS, ANSWERS = 10, 8, 3
IMAGE_ID, END_IDS, PAD_ID = 990, (997, 996), 0
PREFIX_IDS = (1, 2, 992, *[IMAGE_ID] * IMAGE_TOKENS, 993, 3)
MEAN = STD = (0.5, 0.5, 0.5)


@dataclass(frozen=True)
class TinyModel:
    is_tied: bool = True
    """True: the matrix from states to logits is the embedding's."""
    seed: int = 0


@functools.cache
def model_of(tiny: TinyModel) -> Any:
    """Return the one model of this kind, which nobody may change."""
    return tiny_qwen3_vl(IMAGE_ID, 992, 993, vocabulary=1000, seed=tiny.seed, is_tied=tiny.is_tied)


def encoder_spec() -> EngineSpec:
    pixels = TensorSpec("PIXELS", "uint8", (SIDE_PX, SIDE_PX, 3), "bytes")
    outputs = ("ENCODED_FEATURES", "IMAGE_POOLED")
    return EngineSpec(IMAGE_ENCODER, (pixels,), outputs, lambda *_: None, lambda model: None)


def decoder_spec(strategy: str) -> EngineSpec:
    questions = Axis("questions", 1, 1, 16, 64, traced=3, timed=1)
    rows = Axis("rows", 1, ANSWERS, 64, 1024, traced=5, timed=ANSWERS)
    packed = (IMAGE_TOKENS + EXTRA_ROWS, WIDTH * (1 + DEEP_LAYERS))
    inputs = (
        TensorSpec("IMAGE_FEATURES", "float32", packed, "features"),
        TensorSpec("QUESTION_IDS", "int32", (questions, QUESTION_TOKENS), "tokens"),
        TensorSpec("QUESTION_MASK", "int32", (questions, QUESTION_TOKENS), "ones"),
        TensorSpec("FORCED_IDS", "int32", (questions, rows, ANSWER_TOKENS), "tokens"),
    )
    outputs = ("ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "IMAGE_SHA256")
    return EngineSpec(ANSWER_DECODER, inputs, outputs, lambda *_: None, lambda _: None, is_loop=strategy == "loop")


def write_encoder(tiny: TinyModel, file: Path) -> None:
    visual = model_of(tiny).model.visual
    file.parent.mkdir(parents=True, exist_ok=True)
    export_engine(encoder_spec(), QwenImageEncoder(visual, SIDE_PX, MEAN, STD, torch.float32), file)


def write_decoder(tiny: TinyModel, file: Path, strategy: str = "loop") -> None:
    model = model_of(tiny)
    options = LanguageOptions(ANSWERS, QUESTION_TOKENS, ANSWER_TOKENS, END_IDS, PAD_ID, strategy)
    text = model.model.language_model
    decoder = language_decoder(
        text, model.lm_head.weight, prefix_of(model), options, lambda weights: attention_layers(weights, text),
        deep_layers=DEEP_LAYERS,
    )  # fmt: skip
    file.parent.mkdir(parents=True, exist_ok=True)
    export_engine(decoder_spec(strategy), decoder, file)


def prefix_of(model: Any) -> PromptHead:
    ids = torch.tensor([PREFIX_IDS])
    photo = torch.tensor([[1, GRID, GRID]])
    positions, _ = model.model.get_rope_index(ids, mm_token_type_ids=(ids == IMAGE_ID).int(), image_grid_thw=photo)
    return PromptHead(PREFIX_IDS, IMAGE_ID, positions[:, 0])


def patches_of(photo_hwc: np.ndarray) -> torch.Tensor:
    """A photo, [S, S, 3] uint8, as the model's own processor cuts it: [patches, 3 · 2 · patch²]."""
    x = (torch.tensor(photo_hwc).permute(2, 0, 1).float() / 255 - 0.5) / 0.5
    x = x[None].repeat(2, 1, 1, 1)  # a still photo is two frames
    blocks = GRID // MERGE
    x = x.reshape(1, 2, 3, blocks, MERGE, PATCH, blocks, MERGE, PATCH).permute(0, 3, 6, 4, 7, 2, 1, 5, 8)
    return x.reshape(GRID * GRID, -1)


@torch.inference_mode()
def features_of(tiny: TinyModel, photo_hwc: np.ndarray) -> np.ndarray:
    """[N, D · (1 + deep layers)] by transformers."""
    found = model_of(tiny).model.get_image_features(patches_of(photo_hwc), torch.tensor([[1, GRID, GRID]]))
    return torch.cat([found.pooler_output[0], *(layer[0] for layer in found.deepstack_features)], -1).numpy()


def _inputs(tiny: TinyModel, photo_hwc: np.ndarray, tokens: Sequence[int]) -> dict[str, torch.Tensor]:
    """Inputs of the model; without the token types it falls back to plain positions and says nothing."""
    ids = torch.tensor([[*PREFIX_IDS, *tokens]])
    return {
        "input_ids": ids,
        "attention_mask": torch.ones_like(ids),
        "pixel_values": patches_of(photo_hwc),
        "image_grid_thw": torch.tensor([[1, GRID, GRID]]),
        "mm_token_type_ids": (ids == IMAGE_ID).int(),
    }


@torch.inference_mode()
def generated(tiny: TinyModel, photo_hwc: np.ndarray, tokens: Sequence[int], *, most: int = ANSWER_TOKENS) -> list[int]:
    """The greedy answer of `generate` after these tokens, padded to `most`."""
    inputs = _inputs(tiny, photo_hwc, tokens)
    ids = model_of(tiny).generate(
        **inputs, max_new_tokens=most, do_sample=False, repetition_penalty=1.0, eos_token_id=list(END_IDS),
        pad_token_id=PAD_ID,
    )[0, inputs["input_ids"].shape[1] :]  # fmt: skip
    return [*ids.tolist(), *[PAD_ID] * (most - len(ids))]


@torch.inference_mode()
def logprobs_of(tiny: TinyModel, photo_hwc: np.ndarray, tokens: Sequence[int], answer: Sequence[int]) -> list[float]:
    """Log-probability of each token of an answer that is given whole."""
    inputs = _inputs(tiny, photo_hwc, [*tokens, *answer[:-1]])
    logits = model_of(tiny)(**inputs).logits[0].float().log_softmax(-1)
    start = len(PREFIX_IDS) + len(tokens) - 1
    return [float(logits[start + place, token]) for place, token in enumerate(answer)]


def pack(features: np.ndarray) -> np.ndarray:
    """[B, N, D] features as the serving step packs them, with a digest that names the row."""
    packed = np.zeros((len(features), features.shape[1] + EXTRA_ROWS, features.shape[2]), np.float32)
    packed[:, : features.shape[1]] = features
    packed[:, -1, :DIGEST_BYTES] = np.arange(len(features))[:, None] + 200
    return packed
