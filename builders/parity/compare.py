"""Compares engines with the reference: an engine that changes the answers is not shipped."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from builders.checkpoint.checkpoint import Checkpoint
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER, IMAGE_ENCODER
from builders.errors import BuildError, UsageError
from builders.parity import tolerances
from builders.parity.material import ParitySet
from builders.parity.outputs import Engine, Outputs, Reference
from builders.parity.tolerances import PARITY_LIMITS, Tolerance
from vitrine_steps.features import pack_features
from vitrine_steps.photo.pixels import DRAFT_RATIO, pixels_from_photo, sha256_of_photo
from vitrine_steps.question import QuestionLimits, QuestionSteps, padded, tokens_from_question
from vitrine_steps.text import TextError


@dataclass(frozen=True)
class OutputReport:
    """How one output compares with the reference."""

    output: str
    rows: int
    max_abs_difference: float
    min_cosine: float | None
    equal_ratio: float | None
    bound: float | None
    """Least cosine where there is one, else least equal share where there is one, else greatest difference; None: it is
    shown, and nothing is decided by it."""
    passed: bool


def compare_engines(opened: Callable[[str], Engine], parity_set: ParitySet, tolerance: Tolerance) -> list[OutputReport]:
    """Run the engines, with the serving steps around them, and report on every output.

    Args:
        opened: opens an engine by its name. One is open at a time: each holds its weights, some of them twice.
    """
    encoder = opened(IMAGE_ENCODER)
    encoded = _encode_all(encoder, parity_set.checkpoint, parity_set.photos, None)
    shrunk = _shrunk_report(encoder, parity_set)
    del encoder
    asked = [
        {"IMAGE_FEATURES": encoded[photo]["IMAGE_FEATURES"]}
        | question_tensors(parity_set.checkpoint, text, parity_set.dimensions.question_tokens)
        for photo, text in parity_set.questions
    ]
    answered = _run_all(opened(ANSWER_DECODER), asked)
    scored = _score(opened(ANSWER_SCORER), asked, parity_set)
    outputs = _join(encoded) | _join(answered)
    digests = np.stack([sha256_of_photo(parity_set.photos[photo]) for photo, _ in parity_set.questions])
    reference = parity_set.reference
    return [
        _vector_report("ENCODED_FEATURES", outputs["ENCODED_FEATURES"], reference.features, tolerance.min_cosine),
        _vector_report("IMAGE_POOLED", outputs["IMAGE_POOLED"], reference.pooled, tolerance.min_cosine),
        *shrunk,
        *answer_reports(outputs, scored, reference, tolerance),
        _report("ANSWER_LOGPROBS", outputs["ANSWER_LOGPROBS"][:, 0, 0], reference.answer_logprobs, None),
        _report("CANDIDATE_LOGPROBS", scored, reference.answer_logprobs, tolerance.max_logprob_difference),
        _vector_report("ATTENTION", outputs["ATTENTION"][:, 0], reference.attention, tolerance.min_attention_cosine),
        _tokens_report("IMAGE_SHA256", outputs["IMAGE_SHA256"], digests, 1.0),
    ]


def _encode_all(encoder: Engine, checkpoint: Checkpoint, photos: list[bytes], draft_ratio: int | None) -> list[Outputs]:
    return [
        encode_photo(encoder, checkpoint, photo, draft_ratio=draft_ratio)
        for photo in tqdm(photos, desc="photos", leave=False, disable=None)
    ]


def _shrunk_report(encoder: Engine, parity_set: ParitySet) -> list[OutputReport]:
    """Features of large photos, shrunk cheaply and decoded in full."""
    if not parity_set.large_photos:
        return []
    drafted, whole = (
        _join(_encode_all(encoder, parity_set.checkpoint, parity_set.large_photos, ratio))["ENCODED_FEATURES"]
        for ratio in (DRAFT_RATIO, None)
    )
    return [_vector_report("SHRUNK_PHOTOS", drafted, whole, tolerances.MIN_DRAFT_COSINE)]


def answer_reports(
    outputs: Outputs, scored: NDArray[np.float32], reference: Reference, tolerance: Tolerance
) -> list[OutputReport]:
    """Of the tokens; and where the precision's noise may decide between two tokens, of those that are equal or tied."""
    ids, logprobs = (outputs[name][:, 0, 0] for name in ("ANSWER_IDS", "ANSWER_LOGPROBS"))  # one question, row 0 of K
    least = tolerance.min_equal_answers_ratio
    strict = _tokens_report("ANSWER_IDS", ids, reference.answer_ids, least)
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


def encode_photo(
    encoder: Engine, checkpoint: Checkpoint, photo: bytes, *, draft_ratio: int | None = DRAFT_RATIO
) -> Outputs:
    parts = checkpoint.parts
    pixels = pixels_from_photo(
        photo, side_px=parts.image_px, limits=PARITY_LIMITS, draft_ratio=draft_ratio, fit=parts.steps.photo_fit
    )
    outputs = encoder({"PIXELS": pixels[None]})
    digest = sha256_of_photo(photo)[None]
    packed = pack_features(outputs["ENCODED_FEATURES"], outputs["IMAGE_POOLED"], digest)
    return outputs | {"IMAGE_FEATURES": packed}


def require_parity(reports: Sequence[OutputReport], *, what: str = "the engines") -> None:
    """
    Raises:
        BuildError: an output is out of tolerance; all of them are listed.
    """
    if not all(report.passed for report in reports):
        raise BuildError(
            f"{what} do not answer like the checkpoint, so nothing was written:\n{parity_table(reports)}\n"
            "With TensorRT, try another --precision or --optimization-level; else report the checkpoint with this table"
        )


def parity_table(reports: Sequence[OutputReport]) -> str:
    """The reports as text, a line an output."""
    lines = [f"  {'output':<18} {'rows':>5} {'max |diff|':>11} {'min cosine':>11} {'equal':>8}  allowed"]
    for r in reports:
        cosine = "" if r.min_cosine is None else f"{r.min_cosine:.7f}"
        equal = "" if r.equal_ratio is None else f"{r.equal_ratio:.2%}"
        verdict = "ok" if r.passed else "FAILED"
        found = f"{r.rows:>5} {r.max_abs_difference:>11.2e} {cosine:>11} {equal:>8}"
        lines.append(f"  {r.output:<18} {found}  {_allowed(r):<16}  {verdict}")
    return "\n".join(lines)


def _allowed(report: OutputReport) -> str:
    if report.bound is None:
        return ""
    if report.min_cosine is not None:
        return f"cosine >= {report.bound:g}"
    return f"|diff| <= {report.bound:g}" if report.equal_ratio is None else f"equal >= {100 * report.bound:g}%"


def report_rows(reports: Sequence[OutputReport]) -> list[dict[str, Any]]:
    return [asdict(report) for report in reports]


def _vector_report(name: str, got: NDArray[Any], expected: NDArray[np.float32], least: float) -> OutputReport:
    cosine = min_cosine(got, expected)
    finite = bool(np.isfinite(got).all())
    return OutputReport(name, len(got), _max_abs(got, expected), cosine, None, least, finite and cosine >= least)


def _tokens_report(name: str, got: NDArray[Any], expected: NDArray[Any], min_equal_ratio: float) -> OutputReport:
    equal_ratio = float((got == expected).all(axis=1).mean())
    return OutputReport(
        name, len(got), _max_abs(got, expected), None, equal_ratio, min_equal_ratio, equal_ratio >= min_equal_ratio
    )


def _report(name: str, got: NDArray[Any], expected: NDArray[np.float32], most: float | None) -> OutputReport:
    """Of log-probabilities; those of the decoder are judged through the tokens that they choose."""
    difference = _max_abs(got, expected)
    passed = bool(np.isfinite(got).all()) and (most is None or difference <= most)
    return OutputReport(name, len(got), difference, None, None, most, passed)


def min_cosine(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Smallest cosine between vectors along the last axis; NaN where there is one."""
    a, b = got.astype(np.float64), expected.astype(np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(((a * b).sum(-1) / np.maximum(norms, 1e-30)).min())


def _max_abs(got: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(got.astype(np.float64) - expected.astype(np.float64)).max())


def question_tensors(checkpoint: Checkpoint, text: str, question_tokens: int) -> Outputs:
    """Of one question about one photo: [1, 1, L]."""
    limits = QuestionLimits(max_bytes=10_000, max_tokens=question_tokens)
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    try:
        steps = QuestionSteps(tokenizer, limits, checkpoint.parts.steps)
        ids, mask = padded([tokens_from_question(text.encode(), steps)], steps)
    except TextError as error:
        raise UsageError(f"parity question {text!r}: {error}; or build with more --question-tokens") from error
    return {"QUESTION_IDS": ids[None], "QUESTION_MASK": mask[None]}
