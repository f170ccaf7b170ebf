"""Batches of photos and questions, as a pure function of the step."""

import random
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedTokenizerFast
from transformers.image_utils import OPENAI_CLIP_MEAN, OPENAI_CLIP_STD

from catalogue.attributes import CATEGORIES, COLOURS, KINDS, LANGUAGES, PATTERNS, Attributes, Kind
from catalogue.questions import SHORT_KINDS, Question, no_question_for, question_for, short_question_for
from catalogue.traditional import traditional
from training.model import ATTRIBUTE_SIZES, GRID, IMAGE_PX
from training.render import RenderedPhotos
from training.tokenizer import value_words

WORD_DROPOUT = 0.06
_LEAST_TOKENS_WITH_HIDDEN = 7
"""Start, end and closing mark counted in: without its only words nothing can be known of a short question."""
SHORT = 0.3
NO_QUESTION = 0.15
TRADITIONAL = 0.12
"""Shares of the questions in training: short ones; texts that ask nothing; those in traditional characters."""
# How often each kind is asked in training: what is learned late, more often. In the order of KINDS.
_KIND_WEIGHTS = (1.2, 0.5, 1.2, 0.7, 3.0, 0.9, 0.6)
_SHIFT_PX = 6
_OUTLIERS_EVERY = 8


@dataclass(frozen=True)
class Batch:
    pixels: Tensor  # [P, 3, IMAGE_PX, IMAGE_PX] float32, normalised
    patches: Tensor  # [P, GRID², 2] float32
    attributes: Tensor  # [P, 4] int64
    question_ids: Tensor  # [P·Q, L] int64
    question_mask: Tensor  # [P·Q, L] int64
    answer_ids: Tensor  # [P·Q, T] int64: start token, answer, end token, padding
    questions: tuple[Question, ...]  # P·Q, grouped by photo

    def to(self, device: str) -> "Batch":
        """Return the batch with its tensors on a device."""
        moved: dict[str, Any] = {name: x.to(device) for name, x in vars(self).items() if isinstance(x, Tensor)}
        return replace(self, **moved)


def training_batch(
    photos: RenderedPhotos,
    tokenizer: PreTrainedTokenizerFast,
    step: int,
    *,
    size: int,
    per_photo: int,
    outliers: NDArray[np.uint8] | None = None,
) -> Batch:
    """The batch of `step`: augmented photos, `per_photo` questions about each, some words hidden.

    Args:
        outliers: [O, IMAGE_PX, IMAGE_PX, 3] pictures without a product. One photo in `_OUTLIERS_EVERY` is
            then such a picture, asked about with an answer drawn anew at each step: the best that can be
            learned about it is to be unsure.
    """
    rng = np.random.default_rng((2026, step))
    rows = rng.choice(len(photos), size, replace=False)
    words = random.Random(f"words {step}")
    pixels, patches, attributes = photos.pixels[rows], photos.patches[rows], photos.attributes[rows]
    if outliers is not None:
        replaced = slice(0, None, _OUTLIERS_EVERY)
        count = len(rows[replaced])
        pixels[replaced] = outliers[rng.choice(len(outliers), count)]
        patches[replaced] = 0
        attributes[replaced] = rng.integers(0, list(ATTRIBUTE_SIZES.values()), (count, len(ATTRIBUTE_SIZES)))
    questions = [
        _varied_question(photo, kind, words)
        for photo in attributes
        for kind in words.choices(KINDS, _KIND_WEIGHTS, k=per_photo)
    ]
    pixels, patches = _augment(pixels, patches, rng)
    batch = _batch(pixels, patches, attributes, questions, tokenizer)
    return _with_hidden_words(batch, tokenizer, rng)


def test_batch(photos: RenderedPhotos, tokenizer: PreTrainedTokenizerFast, start: int, size: int) -> Batch:
    """Photos `start` to `start + size` as they are, in wordings never trained on.

    Each comes with a question of each kind, two short ones, and a text that asks nothing.
    """
    rows = np.arange(start, min(start + size, len(photos)))
    words = random.Random(f"test words {start}")
    questions = []
    for row in rows:
        attributes = _attributes_from_indices(photos.attributes[row])
        questions += [question_for(attributes, kind, words.choice(LANGUAGES), "test", words) for kind in KINDS]
        kinds = words.sample(SHORT_KINDS, 2)
        questions += [short_question_for(attributes, kind, words.choice(LANGUAGES), "test", words) for kind in kinds]
        questions.append(no_question_for("test", words))
    return _batch(photos.pixels[rows], photos.patches[rows], photos.attributes[rows], questions, tokenizer)


def _varied_question(indices: NDArray[np.int64], kind: Kind, rng: random.Random) -> Question:
    """Draw a question for training: full or short, in simplified or traditional characters, or none at all."""
    drawn = rng.random()
    if drawn < NO_QUESTION:
        return no_question_for("train", rng)
    language = rng.choice(LANGUAGES)
    ask = short_question_for if drawn < NO_QUESTION + SHORT and kind in SHORT_KINDS else question_for
    question = ask(_attributes_from_indices(indices), kind, language, "train", rng)
    if rng.random() < TRADITIONAL:
        return replace(question, text=traditional(question.text))
    return question


def _attributes_from_indices(indices: NDArray[np.int64]) -> Attributes:
    category, colour, pattern, count = indices
    return Attributes(list(CATEGORIES)[category], list(COLOURS)[colour], list(PATTERNS)[pattern], int(count) + 1)


def _augment(
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
    """Replace a few words of the longer questions by [UNK], never values, so that unknown words do not mislead."""
    kept = torch.tensor(tokenizer.convert_tokens_to_ids([*value_words(), "[CLS]", "[SEP]", "[PAD]"]))
    hide = torch.from_numpy(rng.random(batch.question_ids.shape) < WORD_DROPOUT)
    hide &= ~torch.isin(batch.question_ids, kept)
    hide &= batch.question_mask.sum(1, keepdim=True) >= _LEAST_TOKENS_WITH_HIDDEN
    return replace(batch, question_ids=batch.question_ids.masked_fill(hide, tokenizer.unk_token_id))
