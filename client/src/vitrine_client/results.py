"""What the server answers, typed and frozen."""

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
    """JSON has no NaN and no infinity."""
    return float(number) if number is not None and math.isfinite(number) else None


def _plain_map(heatmap: NDArray[np.float32]) -> list[list[float | None]]:
    return [[_plain(share) for share in row] for row in heatmap.tolist()]


@dataclass(frozen=True)
class Alternative:
    text: str
    confidence: float | None
    """As of the answer."""

    def to_dict(self) -> dict[str, Any]:
        """The same, fit for `json.dumps`; numbers that are none, such as NaN, are None."""
        return {"text": self.text, "confidence": _plain(self.confidence)}


@dataclass(frozen=True, eq=False)
class Answer:
    """The answer to one question about one photo."""

    text: str
    status: Status
    """ "cannot_tell" when the photo does not show what was asked; "hand_over" when a person should answer."""
    confidence: float | None
    """0 to 1: the probability that the answer is right. None: this server's checkpoint was not calibrated."""
    reason: str
    """Why it is handed over; "" otherwise."""
    alternatives: tuple[Alternative, ...]
    """The likeliest answers, this one first."""
    heatmap: NDArray[np.float32]
    """[grid, grid], summing to 1: where in the photo, stretched to a square, the question looked."""
    release: str
    """The built repository that gave it."""
    request_id: str

    def overlay(self, photo: Photo) -> Image.Image:
        """The photo that was asked about, upright, with where the question looked over it; arrays as they are sent."""
        return overlay_heatmap(photo, self.heatmap)

    def to_dict(self, *, heatmap: bool = False) -> dict[str, Any]:
        """The same, fit for `json.dumps`; numbers that are none, such as NaN, are None.

        Args:
            heatmap: whether the heatmap comes too, as a list of rows.
        """
        return {
            "text": self.text,
            "status": self.status,
            "confidence": _plain(self.confidence),
            "reason": self.reason,
            "alternatives": [alternative.to_dict() for alternative in self.alternatives],
            **({"heatmap": _plain_map(self.heatmap)} if heatmap else {}),
            "release": self.release,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, eq=False)
class Choice:
    """The likeliest of a list of allowed answers."""

    text: str
    """One of the candidates, as it was written; "" when the photo does not show it, or none may be said."""
    status: Status
    """As of an answer."""
    confidence: float | None
    """0 to 1: the probability that it is right, that none outside the list would be better counted in."""
    reason: str
    """Why it is handed over; "" otherwise."""
    probabilities: dict[str, float]
    """Of each candidate, in their order, summing to 1, as if the right answer were among them."""
    heatmap: NDArray[np.float32]
    """As of an answer."""
    release: str
    """As of an answer."""
    request_id: str

    def overlay(self, photo: Photo) -> Image.Image:
        """The photo that was asked about, upright, with where the question looked over it; arrays as they are sent."""
        return overlay_heatmap(photo, self.heatmap)

    def to_dict(self, *, heatmap: bool = False) -> dict[str, Any]:
        """The same, fit for `json.dumps`; numbers that are none, such as NaN, are None.

        Args:
            heatmap: whether the heatmap comes too, as a list of rows.
        """
        return {
            "text": self.text,
            "status": self.status,
            "confidence": _plain(self.confidence),
            "reason": self.reason,
            "probabilities": {text: _plain(share) for text, share in self.probabilities.items()},
            **({"heatmap": _plain_map(self.heatmap)} if heatmap else {}),
            "release": self.release,
            "request_id": self.request_id,
        }


@dataclass(frozen=True, eq=False)
class Embedding:
    """A photo as a point, for finding similar products by dot product."""

    vector: NDArray[np.float32]
    """[E], L2 norm 1."""
    sha256: bytes
    """SHA-256 of the photo's bytes as they were sent: 32 bytes."""
    release: str
    """As of an answer."""
    request_id: str

    def to_dict(self) -> dict[str, Any]:
        """The same, fit for `json.dumps`: the vector as a list, the digest in hexadecimal."""
        return {
            "vector": [_plain(value) for value in self.vector.tolist()],
            "sha256": self.sha256.hex(),
            "release": self.release,
            "request_id": self.request_id,
        }


@dataclass(frozen=True)
class Health:
    live: bool
    """The server answers."""
    ready: bool
    """All its models are loaded."""
    model_ready: bool
    """The model `vqa` is loaded. Only an answered question proves that all its steps live."""
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
