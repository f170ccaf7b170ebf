"""Turns the decoder's tokens into an answer with a verdict."""

import math
import re
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

_PAD_ID = 0  # in BERT's vocabularies, which BLIP's are
_CJK = r"[\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef]"
_SPACE_BESIDE_CJK = re.compile(rf"(?<={_CJK})\s+|\s+(?={_CJK})")
_SPACE_BESIDE_HYPHEN = re.compile(r"(?<=\w) - (?=\w)")


@dataclass(frozen=True)
class Candidate:
    text: str
    probability: float
    """Product of the answer's token probabilities, 0 to 1; not calibrated."""
    tokens: int
    """Its tokens, the end counted in."""


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
    """All K answers, the greedy one first, then by probability; those that read alike are one, theirs added.

    Args:
        answer_ids: [K, T] int32.
        answer_logprobs: [K, T] float32, natural logarithms, 0 after the end.
    """
    merged: dict[str, Candidate] = {}
    for ids, logprobs in zip(answer_ids, answer_logprobs, strict=True):
        text, probability = text_from_ids(ids, tokenizer), math.exp(float(logprobs.sum()))
        if known := merged.get(text):
            merged[text] = replace(known, probability=min(known.probability + probability, 1.0))
        else:
            merged[text] = Candidate(text, min(probability, 1.0), int((ids != _PAD_ID).sum()))
    first, *others = merged.values()
    return [first, *sorted(others, key=lambda candidate: -candidate.probability)]


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
