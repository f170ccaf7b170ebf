"""Asks a build's own engines labelled questions, open ones and those with a list of allowed answers."""

import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from builders.calibration.labelled import Labelled
from builders.checkpoint.checkpoint import Checkpoint
from builders.dimensions import BuildDimensions
from builders.parity.outputs import Engine, Outputs
from builders.parity.photos import encode_photo, question_tensors
from vitrine_steps.answer import candidates_from_decoder
from vitrine_steps.candidates import CandidateLimits, ids_from_candidates
from vitrine_steps.confidence import Candidate
from vitrine_steps.photo.pixels import DRAFT_RATIO
from vitrine_steps.text import TextError
from vitrine_steps.verdict import language_of

_MOST_CANDIDATES, _MOST_BYTES = 4096, 4096


@dataclass(frozen=True)
class Scored:
    """A list of allowed answers, scored."""

    tokens: NDArray[np.integer[Any]]
    """[C + refusals]: how many each row has."""
    logprobs: NDArray[np.float32]
    """[C + refusals, S]."""
    refusals: int
    right: tuple[bool, ...]
    """Of each candidate; none may be."""


@dataclass(frozen=True)
class Asked:
    """One labelled question, asked."""

    candidates: list[Candidate]
    language: str
    right: tuple[bool, ...]
    """Of each candidate."""
    unanswerable: bool
    """Whether "cannot tell" is the right answer."""
    question: str
    asks_nothing: bool = False
    """True where the right answer is that the text is not understood."""
    listed: Scored | None = None
    """None: it came without a list."""


def ask_engines(
    engines: Sequence[Engine],
    checkpoint: Checkpoint,
    questions: Iterable[Labelled],
    dimensions: BuildDimensions,
    draft_ratio: int = DRAFT_RATIO,
) -> list[Asked]:
    """
    Args:
        engines: image encoder, answer decoder and answer scorer.
        draft_ratio: of the build's photo step.

    Raises:
        BuildError: a question cannot be used. A list that cannot is left out, and said.
    """
    encoder, decoder, scorer = engines
    limits = CandidateLimits(_MOST_CANDIDATES, _MOST_BYTES, max_tokens=dimensions.answer_tokens)
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    settings = checkpoint.settings
    cannot_tell, not_understood = settings.cannot_tell(), settings.not_understood()
    rows, photo, features = [], None, np.empty(0)
    for question in tqdm(questions, desc="questions", unit="question", leave=False, disable=None):
        if question.photo != photo:
            photo = question.photo
            features = encode_photo(encoder, checkpoint, photo, draft_ratio=draft_ratio)["IMAGE_FEATURES"]
        inputs = {
            "IMAGE_FEATURES": features,
            **question_tensors(checkpoint, question.question, dimensions.question_tokens),
        }
        decoded = decoder(inputs)
        ids, logprobs = decoded["ANSWER_IDS"][0, 0], decoded["ANSWER_LOGPROBS"][0, 0]
        candidates = candidates_from_decoder(ids, logprobs, tokenizer, settings)
        rows.append(
            Asked(
                candidates,
                language_of(question.question),
                tuple(question.is_right(c.text) for c in candidates),
                any(question.is_right(text) for text in cannot_tell),
                question.question,
                any(question.is_right(text) for text in not_understood),
                _score_list(scorer, inputs, checkpoint, question, limits) if question.candidates else None,
            )
        )
    return rows


def _score_list(
    scorer: Engine, inputs: Outputs, checkpoint: Checkpoint, question: Labelled, limits: CandidateLimits
) -> Scored | None:
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    texts = [text.encode() for text in question.candidates]
    try:
        ids = ids_from_candidates(texts, tokenizer, limits, checkpoint.settings)
    except TextError as error:  # the server would refuse it too
        tqdm.write(f"left out: the list of {question.question!r}: {error}", file=sys.stderr)
        return None
    logprobs = scorer({**inputs, "CANDIDATE_IDS": ids[None]})["CANDIDATE_LOGPROBS"][0]
    refusals = len(checkpoint.settings.cannot_tell())
    tokens = (ids != checkpoint.parts.steps.pad_id).sum(axis=1)
    return Scored(tokens, logprobs, refusals, tuple(map(question.is_right, question.candidates)))
