"""Turns a list of allowed answers into token ids."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from vitrine_steps.step_settings import FamilySettings, StepSettings
from vitrine_steps.text import TextError, encoded_text, text_from_bytes

FREE = -1
"""Token id in a forced row for what the decoder is to find itself."""


@dataclass(frozen=True)
class CandidateLimits:
    """Limits of a list of allowed answers."""

    max_candidates: int
    max_bytes: int
    """Bytes of each candidate in UTF-8."""
    max_tokens: int
    """Tokens of each candidate, the end token counted in."""


def ids_from_candidates(
    candidates: Sequence[bytes], tokenizer: Tokenizer, limits: CandidateLimits, settings: StepSettings
) -> NDArray[np.int32]:
    """Tokenise a list.

    Args:
        candidates: UTF-8 texts.
        settings: its "cannot tell" answers, the refusals, are scored along with every list.

    Returns:
        [C + number of refusals, tokens of the longest] int32: the candidates,
        then the refusals, each with its end token, then padding.

    Raises:
        TextError: an empty or too long list; a candidate that is blank, too
            long, of unknown words, a refusal, or the same as another to the model.
    """
    _require_length(len(candidates), limits.max_candidates)
    family = settings.family
    refusals = [_answer_ids(tokenizer.encode(text).ids, family) for text in settings.cannot_tell()]
    rows: list[tuple[int, ...]] = []
    seen: dict[tuple[int, ...], int] = {}
    for number, candidate in enumerate(candidates, 1):
        ids = _ids(candidate, tokenizer, limits, family, f"candidate {number} of {len(candidates)}")
        if ids in refusals:
            raise TextError(
                f"candidate {number} of {len(candidates)} ({_shown(candidate)}) is what this checkpoint says when the "
                "photo does not show it: leave it out, and read it off STATUS"
            )
        if ids in seen:
            first = seen[ids] - 1
            raise TextError(
                f"candidates {first + 1} ({_shown(candidates[first])}) and {number} ({_shown(candidate)}) are the same "
                "to the model: leave one out"
            )
        seen[ids] = number
        rows.append(ids)
    return _pad(rows + refusals, family.pad_id)


def free_rows(photos: int, questions: int, answers: int, answer_tokens: int) -> NDArray[np.int32]:
    """[B, Q, K, T]: the rows of open questions, for a decoder that takes forced ones."""
    return np.full((photos, questions, answers, answer_tokens), FREE, np.int32)


def forced_rows(candidates: NDArray[np.int32], answer_tokens: int, pad_id: int) -> NDArray[np.int32]:
    """[..., C, S] candidates to [..., 1, C, T]: the rows of one question, padded to the longest answer."""
    padding = [(0, 0)] * (candidates.ndim - 1) + [(0, answer_tokens - candidates.shape[-1])]
    return np.expand_dims(np.pad(candidates, padding, constant_values=pad_id), -3)


def _require_length(count: int, most: int) -> None:
    if not count:
        raise TextError("the list of candidates is empty: name at least one allowed answer")
    if count > most:
        raise TextError(
            f"{count} candidates came, more than the {most} allowed: ask with fewer, or ask an open question"
        )


def _pad(rows: Sequence[tuple[int, ...]], pad_id: int) -> NDArray[np.int32]:
    """Put rows of ids into one array, with padding behind the shorter ones."""
    padded = np.full((len(rows), max(map(len, rows))), pad_id, np.int32)
    for row, ids in zip(padded, rows, strict=True):
        row[: len(ids)] = ids
    return padded


def _ids(
    candidate: bytes, tokenizer: Tokenizer, limits: CandidateLimits, family: FamilySettings, what: str
) -> tuple[int, ...]:
    """Tokenise one candidate, without the tokenizer's prefix, for which the decoder has its own start token."""
    text = text_from_bytes(candidate, max_bytes=limits.max_bytes, what=what, remedy="name a short answer")
    encoding = encoded_text(tokenizer, text)
    if all(encoding.special_tokens_mask):
        raise TextError(f"{what} holds nothing that can be read (control characters only): send plain text")
    ids = _answer_ids(encoding.ids, family)
    if len(ids) > limits.max_tokens:
        raise TextError(
            f"{what} ({_shown(candidate)}) has {len(ids) - 1} tokens, more than the {limits.max_tokens - 1} that an "
            "answer can have: say it more briefly"
        )
    if family.unknown_id in ids:
        raise TextError(f"{what} ({_shown(candidate)}) has a word that this checkpoint does not know: use another word")
    return ids


def _answer_ids(ids: Sequence[int], family: FamilySettings) -> tuple[int, ...]:
    """A text's tokens as an answer has them: without the tokenizer's prefix, with an end token."""
    end = () if family.end_id is None else (family.end_id,)
    return (*ids[family.prefix_tokens :], *end)


def _shown(candidate: bytes) -> str:
    text = candidate.decode("utf-8", "replace")
    return f'"{text if len(text) <= 40 else text[:39] + "…"}"'
