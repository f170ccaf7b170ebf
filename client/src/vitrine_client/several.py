"""Answers about several photos of one product, joined to one."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from typing import Any, TypeAlias

from vitrine_client.errors import InvalidPhotoError, InvalidRequestError
from vitrine_client.photos import Photo
from vitrine_client.quoting import kind_of
from vitrine_client.results import Alternative, Answer

MOST_PHOTOS = 8
OF_ONE_PHOTO = (InvalidPhotoError, InvalidRequestError)
"""Errors that are kept beside the other photos' answers: a photo that cannot be read, or that the server refuses."""
Refusal: TypeAlias = InvalidPhotoError | InvalidRequestError
Pool: TypeAlias = Callable[[Sequence[Mapping[str, float]]], dict[str, float]]
"""Rule that joins what each photo says, the probability of each text, to one probability of each text."""
_LEAST = 1e-3
"""Probability of a text that a photo does not name: no photo alone can rule one out."""
_LIKELY = 0.5
"""Confidence above which an answer that must not be said, "", counts against the other photos' answers."""
_NEVER = 2.0
_DISAGREE = "the photos say different things: "
_UNSURE = "no photo alone is sure enough of the answer"


@dataclass(frozen=True, eq=False)
class ProductAnswer:
    """Answer to one question about several photos of one product."""

    answer: Answer
    """Joined answer; heatmap, release and request are those of the photo that decided."""
    photo: int
    """Position, from 0, of the photo that decided: the one that is surest of this answer."""
    by_photo: tuple[Answer | Refusal, ...]
    """Answer about each photo, in their order; the error of one that could not be asked about."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`."""
        each = [one.to_dict() if isinstance(one, Answer) else {"error": one.message} for one in self.by_photo]
        return {**self.answer.to_dict(), "photo": self.photo, "by_photo": each}


def photos_of_product(photos: Iterable[Photo]) -> list[Photo]:
    """List the photos of one product.

    Raises:
        InvalidRequestError: not 1 to 8 of them, or one photo where a list is expected.
    """
    if isinstance(photos, (str, bytes, bytearray, memoryview, PathLike)) or not isinstance(photos, Iterable):
        raise InvalidRequestError(f"photos are a list, but {kind_of(photos)} came: put it in a list, or use ask()")
    listed = list(photos)
    if not 1 <= len(listed) <= MOST_PHOTOS:
        raise InvalidRequestError(f"{len(listed)} photos came, but 1 to {MOST_PHOTOS} of one product are expected")
    return listed


def product_of_probabilities(said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Multiply what the photos say, as if each erred for itself, and share out 1 among the texts and "none of them"."""
    texts = dict.fromkeys(text for one in said for text in one)
    logs = {text: sum(math.log(max(one.get(text, 0.0), _LEAST)) for one in said) for text in texts}
    none = sum(math.log(max(1.0 - sum(one.values()), _LEAST)) for one in said)
    most = max(none, *logs.values())
    whole = math.exp(none - most) + sum(math.exp(value - most) for value in logs.values())
    return {text: math.exp(value - most) / whole for text, value in logs.items()}


def joined(by_photo: Sequence[Answer | Refusal], pool: Pool = product_of_probabilities) -> ProductAnswer:
    """Join the answers about several photos of one product.

    Photos that do not show what was asked abstain where another one does. The
    joined answer is "answered" only where a photo alone is sure enough of it,
    for the risk that was asked for. Where others are sure of something else, the
    joined confidence must be enough for that risk, too, or it is handed over. So
    is what a house rule does not let one of them say.

    Args:
        by_photo: answer about each photo, asked with details, or its error.
        pool: rule by which the probabilities of the photos become one.

    Raises:
        InvalidPhotoError, InvalidRequestError: of the first photo, where none could be asked about.
    """
    answers = {number: one for number, one in enumerate(by_photo) if isinstance(one, Answer)}
    if not answers:
        raise next(one for one in by_photo if not isinstance(one, Answer))
    sure: dict[str, float] = {}  # texts of which a photo alone is sure enough: the least confidence that was enough
    for one in answers.values():
        if one.status == "answered":
            sure[one.text] = min(sure.get(one.text, 1.0), one.confidence or 0.0)
    refusals = {number: one for number, one in answers.items() if one.status == "cannot_tell"}
    voters = {number: one for number, one in answers.items() if number not in refusals}
    if refusals and not sure:
        decided = max(refusals, key=lambda number: refusals[number].confidence or 0.0)
        return ProductAnswer(refusals[decided], decided, tuple(by_photo))
    refused = {one.text for one in refusals.values()}
    said = {number: _said(one, refused) for number, one in voters.items()}
    is_calibrated = all(one.confidence is not None for one in voters.values())
    shares = pool(list(said.values()))
    texts = sorted(shares, key=lambda text: (-shares[text], text not in sure))
    decided = max(voters, key=lambda number: said[number].get(texts[0], 0.0))
    forbidden = [one.reason for one in voters.values() if not one.text and (one.confidence or 0.0) > _LIKELY]
    if forbidden:
        reason = forbidden[0]
    elif len(sure) > 1 and not (is_calibrated and shares[texts[0]] >= sure.get(texts[0], _NEVER)):
        reason = _DISAGREE + ", ".join(sorted(sure))
    else:
        reason = "" if texts[0] in sure else voters[decided].reason or _UNSURE
    confidences = shares if is_calibrated else dict.fromkeys(shares)
    answer = replace(
        voters[decided],
        text=texts[0],
        status="hand_over" if reason else "answered",
        confidence=confidences[texts[0]],
        reason=reason,
        alternatives=tuple(Alternative(text, confidences[text]) for text in texts if text or text == texts[0]),
    )
    return ProductAnswer(answer, decided, tuple(by_photo))


def _said(answer: Answer, refused: set[str]) -> dict[str, float]:
    """Probability of each text that one photo names; of the answer alone 1 where the checkpoint is not calibrated."""
    if answer.confidence is None:
        return {answer.text: 1.0}
    return {one.text: one.confidence or 0.0 for one in answer.alternatives if one.text not in refused} or {
        answer.text: answer.confidence
    }
