"""What is written in a photo: lines of text and codes, with where they are and how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image

from vitrine_client.overlay import overlay_boxes
from vitrine_client.photos import Photo

if TYPE_CHECKING:
    from vitrine_client.documents import Field
    from vitrine_client.facts import Fact

Box = tuple[tuple[float, float], ...]
"""Four corners from the upper left of what it surrounds, clockwise; x and y as shares, 0 to 1, of the upright photo."""


@dataclass(frozen=True)
class Line:
    """One line of text."""

    text: str
    box: Box
    confidence: float | None
    """Probability that every character is right, 0 to 1. None: the server's text weights were not calibrated."""
    status: Literal["sure", "unsure"]
    """ "unsure" where the confidence is below what the server's risk, or `max_risk`, asks."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`."""
        return {"text": self.text, "box": self.box, "confidence": self.confidence, "status": self.status}


@dataclass(frozen=True)
class Code:
    """Barcode or QR code."""

    text: str
    kind: str
    """Its standard, such as "EAN-13" or "QR Code"."""
    box: Box

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`."""
        return {"text": self.text, "kind": self.kind, "box": self.box}


@dataclass(frozen=True)
class Reading:
    """All that is written in one photo."""

    lines: tuple[Line, ...]
    """In the order in which people read them."""
    codes: tuple[Code, ...]
    lines_left_out: int
    """Number of lines beyond the most that the server reads of a photo."""
    release: str
    """Name of the built repository that read it; see `Answer.release`."""
    request_id: str

    @property
    def text(self) -> str:
        """Lines that are sure, one under the other."""
        return "\n".join(line.text for line in self.lines if line.status == "sure")

    def facts(self) -> "tuple[Fact, ...]":
        """Find what the sure lines and the codes say of the product; see `facts_in`. Needs `vitrine-client[facts]`."""
        from vitrine_client.facts import facts_in

        return facts_in(self)

    def document_fields(self, *, is_masked: bool = True) -> "tuple[Field, ...]":
        """Find the fields of an identity card, a bank card or a receipt; see `vitrine_client.documents`."""
        from vitrine_client.documents import document_fields

        return document_fields(self, is_masked=is_masked)

    def overlay(self, photo: Photo) -> Image.Image:
        """Draw the boxes over the photo, upright: sure lines green, unsure ones orange, codes blue."""
        colours: Sequence[tuple[Box, str]] = [
            *((line.box, "#00a050" if line.status == "sure" else "#f08000") for line in self.lines),
            *((code.box, "#0070f0") for code in self.codes),
        ]
        return overlay_boxes(photo, colours)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`."""
        return {
            "lines": [line.to_dict() for line in self.lines],
            "codes": [code.to_dict() for code in self.codes],
            "lines_left_out": self.lines_left_out,
            "release": self.release,
            "request_id": self.request_id,
        }
