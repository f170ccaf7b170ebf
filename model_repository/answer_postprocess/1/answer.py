"""Turns the decoder's tokens into an answer with a verdict."""

import math
import re
from collections.abc import Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

ANSWERED = "answered"
CANNOT_TELL = "cannot_tell"

_CJK = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_SPACE_BESIDE_CJK = re.compile(rf"(?<={_CJK})\s+|\s+(?={_CJK})")
_SPACE_BESIDE_HYPHEN = re.compile(r"(?<=\w) - (?=\w)")


@dataclass(frozen=True)
class Candidate:
    text: str
    probability: float
    """Product of the answer's token probabilities, 0 to 1; not calibrated."""


def text_from_ids(answer_ids: NDArray[np.int32], tokenizer: Tokenizer) -> str:
    """Detokenise one answer.

    Args:
        answer_ids: [T] int32, end and padding tokens at the end.

    Returns:
        The text, without special tokens, without spaces between Chinese
        characters ("看不出来") and around hyphens ("t-shirt").
    """
    text = tokenizer.decode(answer_ids.tolist(), skip_special_tokens=True)
    return _SPACE_BESIDE_HYPHEN.sub("-", _SPACE_BESIDE_CJK.sub("", text)).strip()


def candidates_from_decoder(
    answer_ids: NDArray[np.int32], answer_logprobs: NDArray[np.float32], tokenizer: Tokenizer
) -> list[Candidate]:
    """All K answers, the greedy one first; those that read alike are one, with their probabilities added.

    Args:
        answer_ids: [K, T] int32.
        answer_logprobs: [K, T] float32, natural logarithms, 0 after the end.
    """
    merged: dict[str, float] = {}
    for ids, logprobs in zip(answer_ids, answer_logprobs, strict=True):
        text = text_from_ids(ids, tokenizer)
        merged[text] = merged.get(text, 0.0) + math.exp(float(logprobs.sum()))
    return [Candidate(text, min(probability, 1.0)) for text, probability in merged.items()]


def status_of(answer: str, cannot_tell_answers: Set[str]) -> str:
    """ "cannot_tell" when the model says that the photo does not show it, else "answered"."""
    return CANNOT_TELL if answer in cannot_tell_answers else ANSWERED


def heatmap_from_attention(attention: NDArray[np.float32], grid: int) -> NDArray[np.float32]:
    """Attention over the photo's tokens as a map.

    Args:
        attention: [N] float32, the class token first, then grid x grid patches, row by row.

    Returns:
        [grid, grid] float32, summing to 1; all zero if no patch was looked at.
    """
    patches = attention[1 : 1 + grid * grid].reshape(grid, grid)
    total = float(patches.sum())
    return (patches / total if total > 0 else patches).astype(np.float32)
