"""One decoder engine, asked as if it were two: one for open questions, one for lists of candidates.

The decoder of a language model takes rows of forced tokens (`builders/graphs/language/decoder.py`).
"""

from collections.abc import Callable, Container
from functools import cache

import numpy as np
from numpy.typing import NDArray

from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER
from builders.parity.outputs import Engine, Outputs
from vitrine_steps.candidates import forced_rows, free_rows


def opener(
    opened: Callable[[str], Engine], names: Container[str], dimensions: BuildDimensions, pad_id: int
) -> Callable[[str], Engine]:
    """Make a function that opens engines by name, an answer scorer too where there is none of its own.

    Args:
        opened: opens an engine of the build.
        names: of the build's engines.
    """
    if ANSWER_SCORER in names:
        return opened

    open_decoder = cache(lambda: opened(ANSWER_DECODER))  # both ask one session, which holds the weights once

    def open_engine(name: str) -> Engine:
        if name == ANSWER_SCORER:
            return _scorer(open_decoder(), dimensions.answer_tokens, pad_id)
        return _open_questions(open_decoder(), dimensions) if name == ANSWER_DECODER else opened(name)

    return open_engine


def open_rows(question_ids: NDArray[np.int32], dimensions: BuildDimensions) -> NDArray[np.int32]:
    """[B, Q, K, T]: the rows of open questions, [B, Q, L]."""
    photos, questions, _ = question_ids.shape
    return free_rows(photos, questions, dimensions.answers, dimensions.answer_tokens)


def _open_questions(decoder: Engine, dimensions: BuildDimensions) -> Engine:
    def ask(inputs: Outputs) -> Outputs:
        return decoder({**inputs, "FORCED_IDS": open_rows(inputs["QUESTION_IDS"], dimensions)})

    return ask


def _scorer(decoder: Engine, answer_tokens: int, pad_id: int) -> Engine:
    def score(inputs: Outputs) -> Outputs:
        candidates = inputs["CANDIDATE_IDS"]
        others = {name: value for name, value in inputs.items() if name != "CANDIDATE_IDS"}
        found = decoder({**others, "FORCED_IDS": forced_rows(candidates, answer_tokens, pad_id)})
        logprobs = found["ANSWER_LOGPROBS"][:, 0, :, : candidates.shape[2]]
        return {"CANDIDATE_LOGPROBS": logprobs, "ATTENTION": found["ATTENTION"], "IMAGE_SHA256": found["IMAGE_SHA256"]}

    return score
