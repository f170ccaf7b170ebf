"""Results of the calls, typed and frozen."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrine_client.contract import contract_problem
from vitrine_client.overlay import overlay_heatmap
from vitrine_client.photos import Photo

Status = Literal["answered", "cannot_tell", "hand_over"]


def _plain(number: float | None) -> float | None:
    """Replace NaN and infinity, which JSON lacks, by None."""
    return float(number) if number is not None and math.isfinite(number) else None


def _plain_map(heatmap: NDArray[np.float32]) -> list[list[float | None]]:
    return [[_plain(share) for share in row] for row in heatmap.tolist()]


@dataclass(frozen=True)
class Alternative:
    """Another answer that the model found likely."""

    text: str
    confidence: float | None
    """Probability that this text is right, 0 to 1. None: the checkpoint was not calibrated."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`; NaN and infinity become None."""
        return {"text": self.text, "confidence": _plain(self.confidence)}


@dataclass(frozen=True, eq=False)
class Answer:
    """Answer to one question about one photo."""

    text: str
    status: Status
    """ "cannot_tell" when the photo does not show what was asked; "hand_over" when a person should answer."""
    confidence: float | None
    """Probability that the answer is right, 0 to 1. None: the server's checkpoint was not calibrated."""
    reason: str
    """Reason why a person should answer; "" where none should."""
    alternatives: tuple[Alternative, ...]
    """Likeliest answers, this one first; none where it was asked without details."""
    heatmap: NDArray[np.float32]
    """[grid, grid], summing to 1: where in the photo, stretched to a square, the question looked; [0, 0] where it was
    asked without details."""
    release: str
    """Name of the built repository that gave the answer: checkpoint and twelve digits of its digest."""
    request_id: str
    source: str = "photo"
    """What the answer was found in: "photo", "photo_and_context" where a context was sent, or "text" where a printed
    line says it."""

    def overlay(self, photo: Photo) -> Image.Image:
        """Draw where the question looked over the photo, upright; of an array in the size in which it is sent."""
        return overlay_heatmap(photo, self.heatmap)

    def to_dict(self, *, heatmap: bool = False) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`; NaN and infinity become None.

        Args:
            heatmap: whether the heatmap comes too, as a list of rows.
        """
        return {
            "text": self.text,
            "status": self.status,
            "confidence": _plain(self.confidence),
            "reason": self.reason,
            "source": self.source,
            "alternatives": [alternative.to_dict() for alternative in self.alternatives],
            **({"heatmap": _plain_map(self.heatmap)} if heatmap else {}),
            "release": self.release,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, eq=False)
class Choice:
    """Likeliest of a list of allowed answers."""

    text: str
    """Candidate that was chosen, as the caller wrote it; "" when the photo does not show it, or none may be said."""
    status: Status
    """Verdict; see `Answer.status`."""
    confidence: float | None
    """Probability that the text is right, and that no answer outside the list is better, 0 to 1. None: uncalibrated."""
    reason: str
    """Reason why a person should answer; "" where none should."""
    probabilities: dict[str, float]
    """Probability of each candidate, in their order, given that the right answer is in the list; they sum to 1."""
    heatmap: NDArray[np.float32]
    """Map of where the question looked; see `Answer.heatmap`."""
    release: str
    """Name of the built repository that answered; see `Answer.release`."""
    request_id: str
    source: str = "photo"
    """What the answer was found in: "photo", or "photo_and_context" where a context was sent."""

    def overlay(self, photo: Photo) -> Image.Image:
        """Draw where the question looked over the photo, upright; of an array in the size in which it is sent."""
        return overlay_heatmap(photo, self.heatmap)

    def to_dict(self, *, heatmap: bool = False) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`; NaN and infinity become None.

        Args:
            heatmap: whether the heatmap comes too, as a list of rows.
        """
        return {
            "text": self.text,
            "status": self.status,
            "confidence": _plain(self.confidence),
            "reason": self.reason,
            "source": self.source,
            "probabilities": {text: _plain(share) for text, share in self.probabilities.items()},
            **({"heatmap": _plain_map(self.heatmap)} if heatmap else {}),
            "release": self.release,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, eq=False)
class Embedding:
    """Vector of a photo, for finding similar products by dot product."""

    vector: NDArray[np.float32]
    """[E], L2 norm 1."""
    sha256: bytes
    """SHA-256 of the photo's bytes as they were sent: 32 bytes."""
    release: str
    """Name of the built repository that answered; see `Answer.release`."""
    request_id: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`: the vector as a list, the digest in hexadecimal."""
        return {
            "vector": [_plain(value) for value in self.vector.tolist()],
            "sha256": self.sha256.hex(),
            "release": self.release,
            "request_id": self.request_id,
        }


@dataclass(frozen=True)
class Health:
    """State of a server, as it says itself."""

    live: bool
    """True if the server answers."""
    ready: bool
    """True if all its models are loaded."""
    model_ready: bool
    """True if the model `vqa` is loaded. Only an answered question proves that all its steps live."""
    contract_version: int | None = None
    """Version of the contract that the server speaks. 0: it is older than versions are. None: it does not say, because
    `vqa` is not loaded or a gateway keeps configs closed."""

    @property
    def contract_problem(self) -> str:
        """Say which side is older and what to do; "" where both speak the same version, or the server's is unknown."""
        return contract_problem(self.contract_version)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`."""
        return {
            "live": self.live,
            "ready": self.ready,
            "model_ready": self.model_ready,
            "contract_version": self.contract_version,
        }
