"""Turns one question into token ids."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer


class QuestionError(ValueError):
    """The caller's question cannot be used. The message is fit for the caller to read."""


@dataclass(frozen=True)
class QuestionLimits:
    max_bytes: int
    max_tokens: int
    """Start and end tokens counted in."""


def text_from_bytes(question: bytes, limits: QuestionLimits) -> str:
    """Decode and check one question.

    Raises:
        QuestionError: too long in bytes, not UTF-8, blank, or with a null byte.
    """
    if len(question) > limits.max_bytes:
        raise QuestionError(
            f"the question has {len(question)} bytes, more than the {limits.max_bytes} allowed: ask more briefly"
        )
    try:
        text = question.decode("utf-8")
    except UnicodeDecodeError as error:
        raise QuestionError(
            f"the question is not UTF-8 (byte 0x{question[error.start]:02x} at position {error.start}): "
            "encode it as UTF-8"
        ) from error
    if "\0" in text:
        raise QuestionError(f"the question has a null byte at position {text.index(chr(0))}: send plain text")
    if not text.strip():
        raise QuestionError("the question is empty or blank: ask something about the photo")
    return text


def ids_from_question(
    question: bytes, tokenizer: Tokenizer, limits: QuestionLimits
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Tokenise one question.

    Args:
        question: UTF-8 text.
        tokenizer: the checkpoint's own, without padding or truncation.

    Returns:
        ids and mask, each [limits.max_tokens] int32; the mask is 1 on tokens
        and 0 on padding (id 0).

    Raises:
        QuestionError: as `text_from_bytes`; no token; or more tokens than allowed.
    """
    encoding = tokenizer.encode(text_from_bytes(question, limits))
    tokens = encoding.ids
    if all(encoding.special_tokens_mask):
        raise QuestionError("the question holds nothing that can be read (control characters only): send plain text")
    if len(tokens) > limits.max_tokens:
        raise QuestionError(
            f"the question has {len(tokens)} tokens, more than the {limits.max_tokens} allowed: ask more briefly"
        )
    ids = np.zeros(limits.max_tokens, np.int32)
    mask = np.zeros(limits.max_tokens, np.int32)
    ids[: len(tokens)] = tokens
    mask[: len(tokens)] = 1
    return ids, mask
