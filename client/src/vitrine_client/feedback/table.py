"""Table of questions for people, and a row of it."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Column, DateTime, Float, Integer, LargeBinary, MetaData, Row, String, Table

UTC = timezone.utc  # noqa: UP017  datetime.UTC came with Python 3.11
State = Literal["open", "answered", "dismissed"]
METADATA = MetaData()
QUESTIONS = Table(
    "feedback",
    METADATA,
    Column("id", Integer, primary_key=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("state", String, nullable=False, index=True),
    Column("shop", String, nullable=False, index=True),
    Column("photo_sha256", String(64), nullable=False, index=True),
    Column("question", String, nullable=False),
    Column("product", String, nullable=False, index=True),
    Column("buyer", String, nullable=False, index=True),
    Column("said", String, nullable=False),
    Column("suggestions", String, nullable=False),
    Column("status", String, nullable=False),
    Column("confidence", Float),
    Column("release", String, nullable=False),
    Column("times", Integer, nullable=False),
    Column("asked_at", DateTime(timezone=True), nullable=False),
    Column("answer", String),
    Column("answered_at", DateTime(timezone=True)),
    Column("answered_by", String),
    Column("told_at", DateTime(timezone=True)),
    Column("photo_until", DateTime(timezone=True)),
    Column("vector", LargeBinary),
    sqlite_autoincrement=True,  # a number that was removed is not given again: somebody may still wait for it
)
"""`photo_until` is set before a photo is written and cleared after it is removed: no photo is there without a row."""


@dataclass(frozen=True, eq=False)
class Item:
    """A question that people are asked."""

    id: int
    state: State
    shop: str
    """Whose question it is; "" where there is one shop."""
    photo_sha256: str
    """Digest of the photo's bytes, in hexadecimal."""
    question: str
    product: str
    """What the photo shows, in the shop's own words; "" where that was not said."""
    buyer: str
    """Who has asked, in the shop's own words; "" where that was not said."""
    said: str
    """What the model answered."""
    suggestions: tuple[str, ...]
    """What else it found likely."""
    status: str
    """Its verdict: "answered", "cannot_tell" or "hand_over"."""
    confidence: float | None
    release: str
    times: int
    """How often it was asked."""
    asked_at: datetime
    """When it was asked first, in UTC."""
    answer: str | None
    """What a person answered; None: nobody has."""
    answered_at: datetime | None
    photo_file: Path | None
    """The photo, where it was to be kept and its time has not run out."""
    vector: NDArray[np.float32] | None
    """[E], the photo's embedding by that release; None: not known."""

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, fit for `json.dumps`, without the vector and the file."""
        fields = {name: value for name, value in vars(self).items() if name not in ("vector", "photo_file")}
        times = {
            name: None if fields[name] is None else fields[name].isoformat() for name in ("asked_at", "answered_at")
        }
        return fields | times | {"suggestions": list(self.suggestions)}


def key_of(*parts: str) -> str:
    """Digest of what makes a question one and the same: shop, photo, question, product and buyer."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def item_from(row: Row[Any], photos: Path | None) -> Item:
    """
    Args:
        photos: folder of kept photos; None: none are.
    """
    fields = {name: getattr(row, name) for name in Item.__dataclass_fields__ if name != "photo_file"}
    is_kept = photos is not None and row.photo_until is not None and _utc(row.photo_until) > datetime.now(UTC)
    return Item(
        **fields
        | {
            "suggestions": tuple(json.loads(row.suggestions)),
            "asked_at": _utc(row.asked_at),
            "answered_at": None if row.answered_at is None else _utc(row.answered_at),
            "vector": None if row.vector is None else np.frombuffer(row.vector, np.float16).astype(np.float32),
        },
        photo_file=photos / row.photo_sha256 if photos is not None and is_kept else None,
    )


def _utc(time: datetime) -> datetime:
    """SQLite gives times without their zone."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)
