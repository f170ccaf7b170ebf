"""Batches of photos and questions, as a pure function of the step."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from catalogue.attributes import CATEGORIES, COLOURS, KINDS, LANGUAGES, PATTERNS, Attributes, Kind
from catalogue.questions import Question, question_for
from catalogue.wordings import Split
from training.model import GRID, IMAGE_PX
from training.render import RenderedPhotos
from training.tokenizer import value_words

WORD_DROPOUT = 0.06
# How often each kind is asked in training: what is learned late, more often. In the order of KINDS.
_KIND_WEIGHTS = (1.2, 0.5, 1.2, 0.7, 3.0, 0.9, 0.6)
_SHIFT_PX = 6


@dataclass(frozen=True)
class Batch:
    pixels: Tensor  # [P, 3, IMAGE_PX, IMAGE_PX] float32, normalised
    patches: Tensor  # [P, GRID², 2] float32
    attributes: Tensor  # [P, 4] int64
    question_ids: Tensor  # [P·Q, L] int64
    question_mask: Tensor  # [P·Q, L] int64
    answer_ids: Tensor  # [P·Q, T] int64: start token, answer, end token, padding
    questions: tuple[Question, ...]  # P·Q, grouped by photo


def training_batch(
    photos: RenderedPhotos, tokenizer: PreTrainedTokenizerFast, step: int, *, size: int, per_photo: int
) -> Batch:
    """The batch of `step`: augmented photos, `per_photo` questions about each, some words hidden."""
    rng = np.random.default_rng((2026, step))
    rows = rng.choice(len(photos), size, replace=False)
    words = random.Random(f"words {step}")
    questions = [
        q
        for row in rows
        for q in _questions(photos, int(row), words.choices(KINDS, _KIND_WEIGHTS, k=per_photo), "train", words)
    ]
    pixels, patches = _augmented(photos.pixels[rows], photos.patches[rows], rng)
    batch = _batch(pixels, patches, photos.attributes[rows], questions, tokenizer)
    return _with_hidden_words(batch, tokenizer, rng)


def test_batch(photos: RenderedPhotos, tokenizer: PreTrainedTokenizerFast, start: int, size: int) -> Batch:
    """Photos `start` to `start + size` as they are, with a question of each kind in wordings never trained on."""
    rows = np.arange(start, min(start + size, len(photos)))
    words = random.Random(f"test words {start}")
    questions = [q for row in rows for q in _questions(photos, int(row), KINDS, "test", words)]
    return _batch(photos.pixels[rows], photos.patches[rows], photos.attributes[rows], questions, tokenizer)


def _questions(
    photos: RenderedPhotos, row: int, kinds: Sequence[Kind], split: Split, rng: random.Random
) -> list[Question]:
    category, colour, pattern, count = photos.attributes[row]
    attributes = Attributes(list(CATEGORIES)[category], list(COLOURS)[colour], list(PATTERNS)[pattern], int(count) + 1)
    return [question_for(attributes, kind, rng.choice(LANGUAGES), split, rng) for kind in kinds]


def _augmented(
    pixels: NDArray[np.uint8], patches: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Mirror half of the photos, shift all by a few pixels, change the brightness a little."""
    pixels, patches = pixels.copy(), patches.copy().reshape(-1, GRID, GRID, 2)
    padded = np.pad(pixels, ((0, 0), (_SHIFT_PX, _SHIFT_PX), (_SHIFT_PX, _SHIFT_PX), (0, 0)), mode="edge")
    gains = rng.uniform(0.9, 1.1, len(pixels))
    for row in range(len(pixels)):
        y, x = rng.integers(0, 2 * _SHIFT_PX + 1, 2)
        shifted = padded[row, y : y + IMAGE_PX, x : x + IMAGE_PX]
        pixels[row] = (shifted * gains[row]).clip(0, 255)
        if rng.random() < 0.5:
            pixels[row] = pixels[row, :, ::-1]
            patches[row] = patches[row, :, ::-1]
    return pixels, patches.reshape(len(pixels), GRID * GRID, 2)


def _batch(
    pixels: NDArray[np.uint8],
    patches: NDArray[np.uint8],
    attributes: NDArray[np.int64],
    questions: list[Question],
    tokenizer: PreTrainedTokenizerFast,
) -> Batch:
    asked = tokenizer([q.text for q in questions], padding=True, return_tensors="pt")
    answered = tokenizer([q.answer for q in questions], padding=True, return_tensors="pt")
    answer_ids = answered.input_ids.clone()
    answer_ids[:, 0] = tokenizer.bos_token_id  # instead of [CLS]
    scaled = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (OPENAI_CLIP_MEAN, OPENAI_CLIP_STD))
    return Batch(
        pixels=(scaled - mean) / std,
        patches=torch.from_numpy(patches).float() / 255,
        attributes=torch.from_numpy(attributes),
        question_ids=asked.input_ids,
        question_mask=asked.attention_mask,
        answer_ids=answer_ids,
        questions=tuple(questions),
    )


def _with_hidden_words(batch: Batch, tokenizer: PreTrainedTokenizerFast, rng: np.random.Generator) -> Batch:
    """Replace some words of the questions by [UNK], but never a value, so that unknown words do not mislead."""
    kept = torch.tensor(tokenizer.convert_tokens_to_ids([*value_words(), "[CLS]", "[SEP]", "[PAD]"]))
    hide = torch.from_numpy(rng.random(batch.question_ids.shape) < WORD_DROPOUT)
    hide &= ~torch.isin(batch.question_ids, kept)
    ids = batch.question_ids.masked_fill(hide, tokenizer.unk_token_id)
    return Batch(**{**batch.__dict__, "question_ids": ids})
