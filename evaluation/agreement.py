"""Agreement of a running server with transformers and the same weights, token by token."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from vitrine_client import Transport

from builders.checkpoint.load import load_checkpoint
from builders.engine_spec import ANSWER_DECODER
from builders.families import family_of
from builders.parity.report import min_cosine
from builders.repository.cached_input import cached_input
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from evaluation.questions import PhotoQuestions

_PER_PHOTO = 10
_CHUNK = 10  # photos at a time, so that there is progress to see
_FIRST_PHOTO = 5_000
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Agreement:
    questions: int
    equal: int
    """Questions whose tokens are all those of `generate`."""
    photos: int
    min_cosine: float
    """Smallest cosine between a photo's served features and transformers', over all its tokens together."""


def agreement_with_reference(
    transport: Transport, repository: Path, checkpoint_name: str, questions: int, *, answer_tokens: int
) -> Agreement:
    """Ask the server's steps and transformers the same questions, 10 about each photo.

    Args:
        repository: that the server serves.
    """
    checkpoint = load_checkpoint(checkpoint_name)
    family = family_of(checkpoint.architecture)
    photo_count = -(-questions // _PER_PHOTO)
    equal, asked, cosine = 0, 0, 1.0
    for start in tqdm(range(0, photo_count, _CHUNK), desc="reference", unit="chunk"):
        first = first_seed("test") + _FIRST_PHOTO
        seeds = range(first + start, first + min(start + _CHUNK, photo_count))
        photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
        texts = [
            (index, question.text)
            for index, seed in enumerate(seeds)
            for question in questions_from_seed(seed, "test", per_photo=_PER_PHOTO)
        ]
        reference = family.reference_outputs(checkpoint, photos, texts, answer_tokens)
        features = [_fetch_features(transport, repository, photo) for photo in photos]
        for served, expected in zip(features, reference.features, strict=True):
            tokens = served[0, : len(expected)]
            cosine = min(cosine, min_cosine(tokens.reshape(1, -1), expected.reshape(1, -1)))
        for (photo, text), ids in zip(texts, reference.answer_ids, strict=True):
            equal += bool(np.array_equal(_fetch_ids(transport, features[photo], text), ids))
            asked += 1
    return Agreement(asked, equal, photo_count, cosine)


def _fetch_features(transport: Transport, repository: Path, photo: bytes) -> NDArray[np.float16]:
    """[1, N + 2, D], packed."""
    image = np.array([[photo]], np.object_)
    inputs = {cached_input(repository, "image_features"): image}
    return _infer(transport, "image_features", inputs, ("IMAGE_FEATURES",))["IMAGE_FEATURES"]


def raw_probabilities(transport: Transport, repository: Path, groups: Sequence[PhotoQuestions]) -> list[float]:
    """The decoder's own probability of each question's greedy answer, as it was before calibration."""
    found = []
    for group in tqdm(groups, desc="before calibration", unit="photo", disable=None):
        features = _fetch_features(transport, repository, group.load())
        for question in group.questions:
            logprobs = _decode(transport, features, question.text, "ANSWER_LOGPROBS")
            found.append(float(np.exp(logprobs[0, 0, 0].sum())))
    return found


def _fetch_ids(transport: Transport, features: NDArray[np.float16], text: str) -> NDArray[np.int32]:
    """[T], of the greedy answer."""
    ids: NDArray[np.int32] = _decode(transport, features, text, "ANSWER_IDS")[0, 0, 0]
    return ids


def _decode(transport: Transport, features: NDArray[np.float16], text: str, output: str) -> NDArray[Any]:
    """Ask for one output of the decoder, [1, ...]."""
    question = np.array([[text.encode()]], np.object_)
    names = ("QUESTION_IDS", "QUESTION_MASK")
    tokens = _infer(transport, "question_preprocess", {"QUESTION": question, "IMAGE_FEATURES": features}, names)
    return _infer(transport, ANSWER_DECODER, {"IMAGE_FEATURES": features, **tokens}, (output,))[output]


def _infer(
    transport: Transport, model: str, inputs: dict[str, NDArray[Any]], outputs: tuple[str, ...]
) -> dict[str, NDArray[Any]]:
    return transport.infer(model, inputs, outputs, timeout_s=_TIMEOUT_S, request_id="")
