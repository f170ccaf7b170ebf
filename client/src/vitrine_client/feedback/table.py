"""Table of questions for people, and a row of it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    Row,
    String,
    Table,
    UniqueConstraint,
)

State = Literal["open", "answered", "dismissed"]
METADATA = MetaData()
QUESTIONS = Table(
    "feedback",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("state", String, nullable=False, index=True),
    Column("photo_sha256", String, nullable=False),
    Column("question", String, nullable=False),
    Column("product", String, nullable=False, index=True),
    Column("said", String, nullable=False),
    Column("status", String, nullable=False),
    Column("confidence", Float),
    Column("release", String, nullable=False),
    Column("times", Integer, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("answer", String),
    Column("answered_at", DateTime(timezone=True)),
    Column("answered_by", String),
    Column("photo_file", String),
    Column("photo_until", DateTime(timezone=True)),
    Column("vector", LargeBinary),
    UniqueConstraint("photo_sha256", "question"),
)


@dataclass(frozen=True, eq=False)
class Item:
    """A question that people are asked."""

    id: int
    state: State
    photo_sha256: str
    """Digest of the photo's bytes, in hexadecimal."""
    question: str
    product: str
    """What the photo shows, in the shop's own words; "" where that was not said."""
    said: str
    """What the model answered."""
    status: str
    """Its verdict: "answered", "cannot_tell" or "hand_over"."""
    confidence: float | None
    release: str
    times: int
    """How often it was asked."""
    answer: str | None
    """What a person answered; None: nobody has."""
    photo_file: Path | None
    """The photo, where it was to be kept and its time has not run out."""
    vector: NDArray[np.float32] | None
    """[E], the photo's embedding; None: not known."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`, without the vector."""
        fields = {name: value for name, value in vars(self).items() if name != "vector"}
        return fields | {"photo_file": None if self.photo_file is None else str(self.photo_file)}


def item_from(row: Row[Any]) -> Item:
    vector = None if row.vector is None else np.frombuffer(row.vector, np.float16).astype(np.float32)
    return Item(
        row.id, row.state, row.photo_sha256, row.question, row.product, row.said, row.status, row.confidence,
        row.release, row.times, row.answer, Path(row.photo_file) if row.photo_file else None, vector,
    )  # fmt: skip
