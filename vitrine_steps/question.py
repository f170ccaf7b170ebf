"""Turns one question into token ids."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from vitrine_steps.step_settings import FamilySettings
from vitrine_steps.text import TextError, encoded_text, text_from_bytes

_REMEDY = "ask something about the photo, briefly"


@dataclass(frozen=True)
class QuestionLimits:
    max_bytes: int
    max_tokens: int
    """Start and end tokens counted in."""


def require_questions(count: int, most: int) -> None:
    """Check the number of questions of one request.

    Raises:
        TextError: no question about a photo, or more than are answered at once.
    """
    if not 1 <= count <= most:
        remedy = "spread them over several requests" if count else "ask at least one"
        raise TextError(f"{count} questions about one photo came, but 1 to {most} are accepted: {remedy}")


def ids_from_question(
    question: bytes, tokenizer: Tokenizer, limits: QuestionLimits, family: FamilySettings
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tokenise one question.

    Args:
        question: UTF-8 text.
        tokenizer: the checkpoint's own, without padding or truncation.
        family: says what stands behind the question's tokens, and then as padding.

    Returns:
        ids and mask, each [limits.max_tokens] int32; the mask is 1 on tokens
        and 0 on padding.

    Raises:
        TextError: as `text_from_bytes`; no token; or more tokens than allowed.
    """
    text = text_from_bytes(question, max_bytes=limits.max_bytes, what="the question", remedy=_REMEDY)
    encoding = encoded_text(tokenizer, text)
    tokens = [*encoding.ids, *family.suffix_ids]
    if all(encoding.special_tokens_mask):
        raise TextError("the question holds nothing that can be read (control characters only): send plain text")
    if len(tokens) > limits.max_tokens:
        raise TextError(f"the question has {len(tokens)} tokens, more than the {limits.max_tokens} allowed: {_REMEDY}")
    ids = np.full(limits.max_tokens, family.pad_id, np.int32)
    mask = np.zeros(limits.max_tokens, np.int32)
    ids[: len(tokens)] = tokens
    mask[: len(tokens)] = 1
    return ids, mask
