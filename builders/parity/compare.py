"""The parity gate: an engine that changes the answers is not shipped."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from builders.checkpoint.load import Checkpoint
from builders.errors import BuildError, UsageError
from builders.parity.reference import Reference
from vitrine_steps.features import packed_features
from vitrine_steps.photo.pixels import DRAFT_RATIO, PhotoLimits, pixels_from_photo, sha256_of_photo
from vitrine_steps.question import QuestionLimits, ids_from_question
from vitrine_steps.text import TextError

Outputs = dict[str, NDArray[Any]]

MIN_DRAFT_COSINE = 0.999
"""Of a feature row of a photo that was shrunk cheaply first (`DRAFT_RATIO`) with that of the whole one."""
PARITY_LIMITS = PhotoLimits(max_bytes=2**30, max_pixels=2**30)  # parity photos are our own


class Engine(Protocol):
    """One engine, ready to run in this process."""

    def __call__(self, inputs: Outputs) -> Outputs:
        """From input tensors to output tensors, by name, batch axis first."""
        ...


@dataclass(frozen=True)
class Tolerance:
    """What an engine may differ by."""

    min_cosine: float
    """Of each feature row with the reference's."""
    min_attention_cosine: float
    """Of each attention map; it is shown, nothing is decided by it."""
    min_equal_answers_ratio: float
    """Share of the questions whose tokens are all equal."""
    max_logprob_difference: float
    """Of an answer's tokens, where the scorer is given the answer."""


# FP32 engines differ only by the FP16 rounding of the features that travel
# (11 bits, a relative error of 5e-4 at most, so 1 - cosine is about 1e-7).
TOLERANCES = {
    "fp32": Tolerance(
        min_cosine=0.9999, min_attention_cosine=0.9999, min_equal_answers_ratio=1.0, max_logprob_difference=0.01
    ),
    "fp16": Tolerance(0.999, 0.999, 0.995, max_logprob_difference=0.1),
    "bf16": Tolerance(0.999, 0.99, 0.995, max_logprob_difference=0.5),  # 8 bits
    "int8": Tolerance(0.999, 0.99, 0.995, max_logprob_difference=0.5),
}


@dataclass(frozen=True)
class OutputReport:
    """How one output compares with the reference."""

    output: str
    rows: int
    max_abs_difference: float
    min_cosine: float | None
    equal_ratio: float | None
    passed: bool


def compare_engines(
    opened: Callable[[str], Engine],
    reference: Reference,
    checkpoint: Checkpoint,
    photos: Sequence[bytes],
    large_photos: Sequence[bytes],
    questions: Sequence[tuple[int, str]],
    *,
    question_tokens: int,
    tolerance: Tolerance,
) -> list[OutputReport]:
    """Run the engines, with the serving steps around them, and report on every output.

    The scorer is given, for each question, the reference's answer to it and to the next one.

    Args:
        opened: an engine by its name. One is open at a time: each holds its weights, some of them twice.
        photos: encoded.
        large_photos: encoded, so large that they are shrunk cheaply first.
        questions: index of the photo, and the text.
    """
    engine = opened("image_encoder")
    encoded, whole, drafted = (
        [
            encoded_photo(engine, checkpoint, photo, draft_ratio=ratio)
            for photo in tqdm(some, desc="photos", leave=False, disable=None)
        ]
        for some, ratio in ((photos, None), (large_photos, None), (large_photos, DRAFT_RATIO))
    )
    asked = [
        {"IMAGE_FEATURES": encoded[photo]["IMAGE_FEATURES"]} | question_tensors(checkpoint, text, question_tokens)
        for photo, text in questions
    ]
    del engine
    engine = opened("answer_decoder")
    answered = [engine(inputs) for inputs in tqdm(asked, desc="questions", leave=False, disable=None)]
    del engine
    engine = opened("answer_scorer")
    ids, candidates = reference.answer_ids, np.stack([reference.answer_ids, np.roll(reference.answer_ids, -1, 0)], 1)
    scored = np.zeros(ids.shape, np.float32)
    for row, inputs in enumerate(tqdm(asked, desc="lists", leave=False, disable=None)):
        longest = int((candidates[row] != 0).sum(1).max())
        scores = engine({**inputs, "CANDIDATE_IDS": candidates[row : row + 1, :, :longest]})
        scored[row, :longest] = scores["CANDIDATE_LOGPROBS"][0, 0]
    outputs = {name: np.concatenate([row[name] for row in encoded]) for name in encoded[0]}
    outputs |= {name: np.concatenate([row[name] for row in answered]) for name in answered[0]}
    whole_features, drafted_features = (
        np.concatenate([row["ENCODED_FEATURES"] for row in rows]) for rows in (whole, drafted)
    )
    digests = np.stack([sha256_of_photo(photos[photo]) for photo, _ in questions])
    return [
        _vector_report("ENCODED_FEATURES", outputs["ENCODED_FEATURES"], reference.features, tolerance.min_cosine),
        _vector_report("IMAGE_POOLED", outputs["IMAGE_POOLED"], reference.pooled, tolerance.min_cosine),
        _vector_report("SHRUNK_PHOTOS", drafted_features, whole_features, MIN_DRAFT_COSINE),
        # One question a run; the greedy answer is row 0 of the K.
        _tokens_report(
            "ANSWER_IDS", outputs["ANSWER_IDS"][:, 0, 0], reference.answer_ids, tolerance.min_equal_answers_ratio
        ),
        _report("ANSWER_LOGPROBS", outputs["ANSWER_LOGPROBS"][:, 0, 0], reference.answer_logprobs, math.inf),
        _report("CANDIDATE_LOGPROBS", scored, reference.answer_logprobs, tolerance.max_logprob_difference),
        _vector_report("ATTENTION", outputs["ATTENTION"][:, 0], reference.attention, tolerance.min_attention_cosine),
        _tokens_report("IMAGE_SHA256", outputs["IMAGE_SHA256"], digests, 1.0),
    ]


def encoded_photo(
    image_encoder: Engine, checkpoint: Checkpoint, photo: bytes, *, draft_ratio: int | None = DRAFT_RATIO
) -> Outputs:
    pixels = pixels_from_photo(photo, side_px=checkpoint.image_px, limits=PARITY_LIMITS, draft_ratio=draft_ratio)
    outputs = image_encoder({"PIXELS": pixels[None]})
    digest = sha256_of_photo(photo)[None]
    packed = packed_features(outputs["ENCODED_FEATURES"], outputs["IMAGE_POOLED"], digest)
    return outputs | {"IMAGE_FEATURES": packed}


def require_parity(reports: Sequence[OutputReport], *, what: str = "the engines") -> None:
    """
    Raises:
        BuildError: an output is out of tolerance; all of them are listed.
    """
    if not all(report.passed for report in reports):
        raise BuildError(f"{what} do not answer like the checkpoint, so nothing was written:\n" + parity_table(reports))


def parity_table(reports: Sequence[OutputReport]) -> str:
    """The reports as text, a line an output."""
    lines = [f"  {'output':<18} {'rows':>5} {'max |diff|':>11} {'min cosine':>11} {'equal':>8}"]
    for r in reports:
        cosine = "" if r.min_cosine is None else f"{r.min_cosine:.7f}"
        equal = "" if r.equal_ratio is None else f"{r.equal_ratio:.2%}"
        verdict = "ok" if r.passed else "FAILED"
        lines.append(f"  {r.output:<18} {r.rows:>5} {r.max_abs_difference:>11.2e} {cosine:>11} {equal:>8}  {verdict}")
    return "\n".join(lines)


def report_rows(reports: Sequence[OutputReport]) -> list[dict[str, Any]]:
    return [asdict(report) for report in reports]


def _vector_report(name: str, got: NDArray[Any], expected: NDArray[np.float32], least: float) -> OutputReport:
    cosine = min_cosine(got, expected)
    finite = bool(np.isfinite(got).all())
    return OutputReport(name, len(got), _max_abs(got, expected), cosine, None, finite and cosine >= least)


def _tokens_report(name: str, got: NDArray[Any], expected: NDArray[Any], min_equal_ratio: float) -> OutputReport:
    equal_ratio = float((got == expected).all(axis=1).mean())
    return OutputReport(name, len(got), _max_abs(got, expected), None, equal_ratio, equal_ratio >= min_equal_ratio)


def _report(name: str, got: NDArray[Any], expected: NDArray[np.float32], most: float) -> OutputReport:
    """Of log-probabilities; those of the decoder are judged through the tokens that they choose."""
    difference = _max_abs(got, expected)
    return OutputReport(name, len(got), difference, None, None, bool(np.isfinite(got).all()) and difference <= most)


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
    try:
        ids, mask = ids_from_question(text.encode(), checkpoint.tokenizer.backend_tokenizer, limits)
    except TextError as error:
        raise UsageError(f"parity question {text!r}: {error}; or build with more --question-tokens") from error
    return {"QUESTION_IDS": ids[None, None], "QUESTION_MASK": mask[None, None]}
