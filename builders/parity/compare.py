"""Compares engines with the reference: an engine that changes the answers is not shipped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from builders.checkpoint.checkpoint import Checkpoint
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER, IMAGE_ENCODER
from builders.parity.draft import choose_draft_ratio, encode_drafted
from builders.parity.material import ParitySet
from builders.parity.outputs import Engine, Outputs, Reference
from builders.parity.photos import encode_photo, question_tensors
from builders.parity.report import OutputReport, output_report, tokens_report, vector_report
from builders.parity.tolerances import Tolerance
from vitrine_steps.photo.pixels import sha256_of_photo


@dataclass(frozen=True)
class Comparison:
    reports: list[OutputReport]
    draft_ratio: int
    """How cheaply the photo step may shrink large photos first; see `vitrine_steps.photo.pixels.DRAFT_RATIO`."""


def compare_engines(opened: Callable[[str], Engine], parity_set: ParitySet, tolerance: Tolerance) -> Comparison:
    """Run the engines, with the serving steps around them, and report on every output.

    Args:
        opened: opens an engine by its name. One is open at a time: each holds its weights, some of them twice.
    """
    encoder = opened(IMAGE_ENCODER)
    encoded = _encode_all(encoder, parity_set.checkpoint, parity_set.photos, None)
    drafted = encode_drafted(encoder, parity_set, encoded)
    del encoder
    asked = [
        {"IMAGE_FEATURES": encoded[photo]["IMAGE_FEATURES"]}
        | question_tensors(parity_set.checkpoint, text, parity_set.dimensions.question_tokens)
        for photo, text in parity_set.questions
    ]
    decoder = opened(ANSWER_DECODER)
    answered = _run_all(decoder, asked)
    known = dict(zip(parity_set.questions, answered, strict=True))
    draft_ratio, shrunk = choose_draft_ratio(decoder, parity_set, drafted, known, tolerance.max_tie)
    del decoder
    scored = _score(opened(ANSWER_SCORER), asked, parity_set)
    outputs = _join(encoded) | _join(answered)
    digests = np.stack([sha256_of_photo(parity_set.photos[photo]) for photo, _ in parity_set.questions])
    reference = parity_set.reference
    reports = [
        vector_report("ENCODED_FEATURES", outputs["ENCODED_FEATURES"], reference.features, tolerance.min_cosine),
        vector_report("IMAGE_POOLED", outputs["IMAGE_POOLED"], reference.pooled, tolerance.min_cosine),
        *([shrunk] if shrunk else []),
        *answer_reports(outputs, scored, reference, tolerance),
        output_report("ANSWER_LOGPROBS", outputs["ANSWER_LOGPROBS"][:, 0, 0], reference.answer_logprobs, None),
        output_report("CANDIDATE_LOGPROBS", scored, reference.answer_logprobs, tolerance.max_logprob_difference),
        vector_report("ATTENTION", outputs["ATTENTION"][:, 0], reference.attention, tolerance.min_attention_cosine),
        tokens_report("IMAGE_SHA256", outputs["IMAGE_SHA256"], digests, 1.0),
    ]
    return Comparison(reports, draft_ratio)


def _encode_all(encoder: Engine, checkpoint: Checkpoint, photos: list[bytes], draft_ratio: int | None) -> list[Outputs]:
    return [
        encode_photo(encoder, checkpoint, photo, draft_ratio=draft_ratio)
        for photo in tqdm(photos, desc="photos", leave=False, disable=None)
    ]


def answer_reports(
    outputs: Outputs, scored: NDArray[np.float32], reference: Reference, tolerance: Tolerance
) -> list[OutputReport]:
    """Of the tokens; and where the precision's noise may decide between two tokens, of those that are equal or tied."""
    ids, logprobs = (outputs[name][:, 0, 0] for name in ("ANSWER_IDS", "ANSWER_LOGPROBS"))  # one question, row 0 of K
    least = tolerance.min_equal_answers_ratio
    strict = tokens_report("ANSWER_IDS", ids, reference.answer_ids, least)
    if not tolerance.max_tie:
        return [strict]
    differs = ids != reference.answer_ids
    first = differs.argmax(1)
    rows = np.arange(len(ids))
    is_tied = logprobs[rows, first] - scored[rows, first] <= tolerance.max_tie
    ratio = float((~differs.any(1) | is_tied).mean())
    tied = OutputReport("EQUAL_OR_TIED", len(ids), strict.max_abs_difference, None, ratio, least, ratio >= least)
    return [replace(strict, bound=None, passed=True), tied]


def _run_all(decoder: Engine, asked: Sequence[Outputs]) -> list[Outputs]:
    return [decoder(inputs) for inputs in tqdm(asked, desc="questions", leave=False, disable=None)]


def _score(scorer: Engine, asked: Sequence[Outputs], parity_set: ParitySet) -> NDArray[np.float32]:
    """Log-probabilities [Q, T] of the reference's answers, each beside the answer to the next question."""
    ids, pad_id = parity_set.reference.answer_ids, parity_set.checkpoint.parts.steps.pad_id
    is_said = (ids != pad_id) | (parity_set.reference.answer_logprobs != 0)  # padding may be an end token too
    candidates, said = (np.stack([of_own, np.roll(of_own, -1, 0)], 1) for of_own in (ids, is_said))
    scored = np.zeros(ids.shape, np.float32)
    for row, inputs in enumerate(tqdm(asked, desc="lists", leave=False, disable=None)):
        longest = int(said[row].sum(1).max())
        scores = scorer({**inputs, "CANDIDATE_IDS": candidates[row : row + 1, :, :longest]})
        scored[row, :longest] = scores["CANDIDATE_LOGPROBS"][0, 0]
    return scored


def _join(rows: Sequence[Outputs]) -> Outputs:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
