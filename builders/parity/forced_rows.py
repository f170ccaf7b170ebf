"""One decoder engine, asked as if it were two: one for open questions, one for lists of candidates.

The decoder of a language model takes rows of forced tokens (`builders/graphs/language/decoder.py`).
"""

from collections.abc import Callable, Container

import numpy as np
from numpy.typing import NDArray

from builders.dimensions import BuildDimensions
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER
from builders.parity.outputs import Engine, Outputs

FREE = -1


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

    def open_engine(name: str) -> Engine:
        if name == ANSWER_SCORER:
            return _scorer(opened(ANSWER_DECODER), dimensions.answer_tokens, pad_id)
        engine = opened(name)
        return _open_questions(engine, dimensions) if name == ANSWER_DECODER else engine

    return open_engine


def forced_ids(candidates: NDArray[np.int32], answer_tokens: int, pad_id: int) -> NDArray[np.int32]:
    """[B, C, S] candidates to [B, 1, C, T] forced rows, with padding behind them."""
    photos, count, length = candidates.shape
    forced = np.full((photos, 1, count, answer_tokens), pad_id, np.int32)
    forced[:, 0, :, :length] = candidates
    return forced


def free_rows(question_ids: NDArray[np.int32], dimensions: BuildDimensions) -> NDArray[np.int32]:
    """[B, Q, K, T]: those of open questions, [B, Q, L]."""
    return np.full((*question_ids.shape[:2], dimensions.answers, dimensions.answer_tokens), FREE, np.int32)


def _open_questions(decoder: Engine, dimensions: BuildDimensions) -> Engine:
    def ask(inputs: Outputs) -> Outputs:
        return decoder({**inputs, "FORCED_IDS": free_rows(inputs["QUESTION_IDS"], dimensions)})

    return ask


def _scorer(decoder: Engine, answer_tokens: int, pad_id: int) -> Engine:
    def score(inputs: Outputs) -> Outputs:
        candidates = inputs["CANDIDATE_IDS"]
        others = {name: value for name, value in inputs.items() if name != "CANDIDATE_IDS"}
        found = decoder({**others, "FORCED_IDS": forced_ids(candidates, answer_tokens, pad_id)})
        logprobs = found["ANSWER_LOGPROBS"][:, 0, :, : candidates.shape[2]]
        return {"CANDIDATE_LOGPROBS": logprobs, "ATTENTION": found["ATTENTION"], "IMAGE_SHA256": found["IMAGE_SHA256"]}

    return score
