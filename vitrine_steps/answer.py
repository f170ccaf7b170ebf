"""Turns the decoder's tokens into an answer with a verdict."""

import math
import re
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from vitrine_steps.chinese import CHINESE_CLASS
from vitrine_steps.confidence import Candidate
from vitrine_steps.step_settings import StepSettings

_SPACE_BESIDE_CHINESE = re.compile(rf"(?<={CHINESE_CLASS})\s+|\s+(?={CHINESE_CLASS})")
_SPACE_BESIDE_HYPHEN = re.compile(r"(?<=\w) - (?=\w)")


def text_from_ids(answer_ids: NDArray[np.int32], tokenizer: Tokenizer, settings: StepSettings) -> str:
    """Detokenise one answer.

    Args:
        answer_ids: [T] int32, end and padding tokens at the end.

    Returns:
        The text, without special tokens; where tokens are pieces of words, also
        without spaces between Chinese characters ("看不出来") and around hyphens
        ("t-shirt").
    """
    text = tokenizer.decode(answer_ids.tolist(), skip_special_tokens=True)
    if settings.family.splits_words:
        text = _SPACE_BESIDE_HYPHEN.sub("-", _SPACE_BESIDE_CHINESE.sub("", text))
    text = text.removesuffix("\N{REPLACEMENT CHARACTER}").strip()  # a character that the last token has cut
    return settings.answer_spelling.get(text, text)


def candidates_from_decoder(
    answer_ids: NDArray[np.int32],
    answer_logprobs: NDArray[np.float32],
    tokenizer: Tokenizer,
    settings: StepSettings,
) -> list[Candidate]:
    """All K answers, the greedy one first, then by probability; those that read alike are one, theirs added.

    Args:
        answer_ids: [K, T] int32.
        answer_logprobs: [K, T] float32, natural logarithms, 0 after the end.

    Raises:
        FloatingPointError: a log-probability is NaN, as after an overflow.
    """
    if np.isnan(answer_logprobs).any():
        raise FloatingPointError("the decoder's log-probabilities are not numbers")
    merged: dict[str, Candidate] = {}
    for ids, logprobs in zip(answer_ids, answer_logprobs, strict=True):
        text, probability = text_from_ids(ids, tokenizer, settings), math.exp(float(logprobs.sum()))
        if known := merged.get(text):
            merged[text] = replace(known, probability=min(known.probability + probability, 1.0))
        else:
            tokens, least = int((ids != settings.family.pad_id).sum()), math.exp(min(float(logprobs.min()), 0.0))
            merged[text] = Candidate(text, min(probability, 1.0), tokens, least)
    first, *others = merged.values()
    return [first, *sorted(others, key=lambda candidate: -candidate.probability)]
