"""Chooses how cheaply the photo step may shrink a large photo first: as far as answers and features stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from builders.parity.material import ParitySet
from builders.parity.outputs import Engine, Outputs
from builders.parity.photos import encode_pixels, pixels_of, question_tensors
from builders.parity.report import OutputReport, vector_report
from builders.parity.tolerances import MIN_DRAFT_COSINES
from vitrine_steps.photo.pixels import DRAFT_RATIO


@dataclass(frozen=True)
class Drafted:
    """Photos that came out otherwise, shrunk cheaply first."""

    photos: tuple[int, ...]
    """Their indices; the large ones come behind the others."""
    whole: list[Outputs]
    """The encoder's outputs for them, decoded and resized in full."""
    encoded: list[Outputs]
    """The same, shrunk cheaply first."""


def encode_drafted(encoder: Engine, parity_set: ParitySet, whole: Sequence[Outputs]) -> dict[int, Drafted]:
    """Encode all photos at each ratio of `MIN_DRAFT_COSINES`, as far as their pixels differ.

    Args:
        whole: the encoder's outputs for the photos that are not large, decoded in full.
    """
    checkpoint, found = parity_set.checkpoint, {}
    photos = [*parity_set.photos, *parity_set.large_photos]
    in_full: list[NDArray[np.uint8]] = [pixels_of(checkpoint, photo, draft_ratio=None) for photo in photos]
    known = dict(enumerate(whole))
    for ratio in MIN_DRAFT_COSINES:
        pixels = [pixels_of(checkpoint, photo, draft_ratio=ratio) for photo in photos]
        changed = tuple(index for index, (a, b) in enumerate(zip(pixels, in_full, strict=True)) if (a != b).any())
        for index in changed:
            if index not in known:
                known[index] = encode_pixels(encoder, in_full[index], photos[index])
        encoded = [encode_pixels(encoder, pixels[index], photos[index]) for index in changed]
        found[ratio] = Drafted(changed, [known[index] for index in changed], encoded)
    return found


Answers = dict[tuple[int, str], Outputs]
"""The decoder's outputs by the photo's index and the question."""


def choose_draft_ratio(
    decoder: Engine, parity_set: ParitySet, drafted: Mapping[int, Drafted], answers: Answers, max_tie: float = 0.0
) -> tuple[int, OutputReport | None]:
    """Find the smallest ratio at which no answer changes and features stay near; see `DRAFT_RATIO`.

    Args:
        answers: about photos decoded in full, as far as they are known; others are added.
        max_tie: an answer counts as the same where its first token was at most so much less likely, in logarithms:
            what the precision's own noise decides.

    Returns:
        The ratio, and the report on it; none where no photo comes out otherwise at it. Where every smaller ratio
        fails, `DRAFT_RATIO`, which fails where its own report does.
    """
    report = None
    for ratio, found in drafted.items():
        report = None  # what a smaller ratio does is no fault of this one
        if not found.photos:
            continue
        whole, shrunk = (_features(rows) for rows in (found.whole, found.encoded))
        report = vector_report("SHRUNK_PHOTOS", shrunk, whole, MIN_DRAFT_COSINES[ratio])
        if report.passed and (ratio == DRAFT_RATIO or _answers_stay(decoder, parity_set, found, answers, max_tie)):
            return ratio, report
    return DRAFT_RATIO, report


def _features(rows: Sequence[Outputs]) -> NDArray[np.float32]:
    return np.concatenate([row["ENCODED_FEATURES"] for row in rows])


def _answers_stay(decoder: Engine, parity_set: ParitySet, drafted: Drafted, answers: Answers, max_tie: float) -> bool:
    """A large photo is asked what is asked about the photo that it is made of."""
    count = len(parity_set.photos)
    texts = [[text for photo, text in parity_set.questions if photo == index] for index in range(count)]
    for index, whole, shrunk in zip(drafted.photos, drafted.whole, drafted.encoded, strict=True):
        for text in texts[index % count]:
            if (index, text) not in answers:
                answers[index, text] = _answer(decoder, parity_set, whole, text)
            if not _is_same(answers[index, text], _answer(decoder, parity_set, shrunk, text), max_tie):
                return False
    return True


def _is_same(whole: Outputs, shrunk: Outputs, max_tie: float) -> bool:
    """Compare greedy answers; of two whose first tokens are as good as tied, either is right."""
    ids, logprobs = whole["ANSWER_IDS"][0, 0], whole["ANSWER_LOGPROBS"][0, 0]  # [K, T], the greedy one first
    said = shrunk["ANSWER_IDS"][0, 0, 0]
    if (ids[0] == said).all():
        return True
    behind = logprobs[0, 0] - logprobs[:, 0]
    return bool(((ids[:, 0] == said[0]) & (behind <= max_tie))[1:].any())


def _answer(decoder: Engine, parity_set: ParitySet, encoded: Outputs, text: str) -> Outputs:
    asked = question_tensors(parity_set.checkpoint, text, parity_set.dimensions.question_tokens)
    return decoder({"IMAGE_FEATURES": encoded["IMAGE_FEATURES"], **asked})
