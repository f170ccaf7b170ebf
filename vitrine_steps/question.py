"""Turns one question, and what the shop knows about the product, into token ids."""

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from vitrine_steps.step_settings import FamilySettings
from vitrine_steps.text import TextError, encoded_text, text_from_bytes

_REMEDY = "ask something about the photo, briefly"
_CONTEXT_REMEDY = "send what this question needs, or leave CONTEXT out"
_SHORTEST, _CONTEXT_STEP = 32, 128


@dataclass(frozen=True)
class QuestionLimits:
    max_bytes: int
    max_tokens: int
    """Start and end tokens counted in."""
    max_context_bytes: int = 2000
    max_context_tokens: int = 0
    """Of the context and what it is put into; 0: none is taken, and all questions have `max_tokens`."""


@dataclass(frozen=True)
class QuestionSteps:
    """How a family's questions become tokens."""

    tokenizer: Tokenizer
    """The checkpoint's own, without padding or truncation."""
    limits: QuestionLimits
    family: FamilySettings


def require_questions(count: int, most: int) -> None:
    """Check the number of questions of one request.

    Raises:
        TextError: no question about a photo, or more than are answered at once.
    """
    if not 1 <= count <= most:
        remedy = "spread them over several requests" if count else "ask at least one"
        raise TextError(f"{count} questions about one photo came, but 1 to {most} are accepted: {remedy}")


def tokens_from_context(context: bytes, steps: QuestionSteps) -> list[int]:
    """Tokenise what stands before a question.

    The context is written as a JSON string: no text can end it before its last quotation mark.

    Args:
        context: UTF-8 text.

    Raises:
        TextError: the family reads none; as `text_from_bytes`; or more tokens than allowed.
    """
    limits, family = steps.limits, steps.family
    if family.context_text is None or not limits.max_context_tokens:
        raise TextError("CONTEXT came, but this checkpoint reads the photo and the question only: leave it out")
    text = text_from_bytes(context, max_bytes=limits.max_context_bytes, what="the context", remedy=_CONTEXT_REMEDY)
    quoted = json.dumps(text, ensure_ascii=False)
    tokens: list[int] = encoded_text(steps.tokenizer, family.context_text.replace("{context}", quoted)).ids
    if len(tokens) > limits.max_context_tokens:
        raise TextError(
            f"the context has {len(tokens)} tokens, more than the {limits.max_context_tokens} allowed: "
            f"{_CONTEXT_REMEDY}"
        )
    return tokens


def tokens_from_question(question: bytes, steps: QuestionSteps) -> list[int]:
    """Tokenise one question, with what stands behind it.

    Args:
        question: UTF-8 text.

    Raises:
        TextError: as `text_from_bytes`; no token; or more tokens than allowed.
    """
    limits = steps.limits
    text = text_from_bytes(question, max_bytes=limits.max_bytes, what="the question", remedy=_REMEDY)
    encoding = encoded_text(steps.tokenizer, text)
    tokens = [*encoding.ids, *steps.family.suffix_ids]
    if all(encoding.special_tokens_mask):
        raise TextError("the question holds nothing that can be read (control characters only): send plain text")
    if len(tokens) > limits.max_tokens:
        raise TextError(f"the question has {len(tokens)} tokens, more than the {limits.max_tokens} allowed: {_REMEDY}")
    return tokens


def padded(rows: list[list[int]], steps: QuestionSteps) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Pad the tokens of questions behind, to one of a few lengths, so that requests of one length meet in batches.

    Returns:
        ids and mask, each [rows, L] int32; the mask is 1 on tokens and 0 on padding.
    """
    length = padded_length(max(map(len, rows)), steps.limits)
    ids = np.full((len(rows), length), steps.family.pad_id, np.int32)
    mask = np.zeros((len(rows), length), np.int32)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return ids, mask


def padded_length(tokens: int, limits: QuestionLimits) -> int:
    """L: where it varies, 32, then the longest question's, then 128 more at a time."""
    if not limits.max_context_tokens:
        return limits.max_tokens
    if tokens <= limits.max_tokens:
        return min(_SHORTEST, limits.max_tokens) if tokens <= _SHORTEST else limits.max_tokens
    steps = -(-(tokens - limits.max_tokens) // _CONTEXT_STEP)
    return min(limits.max_tokens + steps * _CONTEXT_STEP, limits.max_tokens + limits.max_context_tokens)
