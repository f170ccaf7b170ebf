"""Store of questions that the model handed over or got wrong, and what people answered: SQLite or PostgreSQL."""

import hashlib
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from vitrine_client.feedback.database import FeedbackError, answered, engine_of, wipe
from vitrine_client.feedback.kept_photos import keep, remove, remove_strays
from vitrine_client.feedback.table import METADATA, QUESTIONS, Item, State, item_from
from vitrine_client.results import Answer


class FeedbackStore:
    """Questions for people, and their answers. Safe for several threads and several processes at once.

    What `add` and `answer` have returned from is on disk: a process that is killed loses nothing of it.
    """

    def __init__(self, url: str, *, photos: Path | None = None) -> None:
        """Open a store, and make its table where there is none.

        Args:
            url: "sqlite:///feedback.db" or "postgresql://user:password@host/shop", for instance.
            photos: folder for photos that are kept; None: none are.

        Raises:
            FeedbackError: the database cannot be reached.
        """
        self._photos = photos
        self._engine = engine_of(url)
        answered(lambda: METADATA.create_all(self._engine))

    def add(
        self,
        photo: bytes,
        question: str,
        answer: Answer,
        *,
        product: str = "",
        keep_days: float | None = None,
        vector: NDArray[np.float32] | None = None,
    ) -> int:
        """Ask people a question that the model handed over or got wrong; returns its number.

        The same question about the same photo is there once: asked again, it only counts.

        Args:
            photo: encoded.
            keep_days: how long the photo is kept; None: only its digest is.
            vector: [E], the photo's embedding, which spreads what is labelled first over unlike photos.
        """
        digest = hashlib.sha256(photo).hexdigest()
        file = None if keep_days is None else keep(photo, digest, self._photos)
        now = _now()
        kept = {
            "photo_file": None if file is None else str(file),
            "photo_until": None if keep_days is None else now + timedelta(days=keep_days),
        }
        row = {
            "state": "open", "photo_sha256": digest, "question": question, "product": product, "said": answer.text,
            "status": answer.status, "confidence": answer.confidence, "release": answer.release, "times": 1,
            "asked_at": now, "vector": None if vector is None else vector.astype(np.float16).tobytes(), **kept,
        }  # fmt: skip

        def write() -> int:
            try:
                with self._engine.begin() as connection:
                    added = connection.execute(insert(QUESTIONS).values(row).returning(QUESTIONS.c.id))
                    return int(added.scalar_one())
            except IntegrityError:  # it is there, or another process has just put it there
                same = (QUESTIONS.c.photo_sha256 == digest) & (QUESTIONS.c.question == question)
                changes = {"times": QUESTIONS.c.times + 1, **(kept if file else {})}
                with self._engine.begin() as connection:
                    connection.execute(update(QUESTIONS).where(same).values(**changes))
                    return int(connection.execute(select(QUESTIONS.c.id).where(same)).scalar_one())

        return answered(write)

    def items(self, state: State | None = None, *, product: str | None = None) -> list[Item]:
        """List questions, the oldest first.

        Args:
            state: None: all.
            product: None: of all products.
        """
        query = select(QUESTIONS).order_by(QUESTIONS.c.id)
        for column, wanted in ((QUESTIONS.c.state, state), (QUESTIONS.c.product, product)):
            query = query if wanted is None else query.where(column == wanted)

        def rows() -> list[Item]:
            with self._engine.connect() as connection:
                return [item_from(row) for row in connection.execute(query)]

        return answered(rows)

    def answer(self, number: int, text: str, *, by: str = "") -> None:
        """Record what a person answered.

        Raises:
            FeedbackError: no such question, it is blank, or somebody else has been faster.
        """
        if not text.strip():
            raise FeedbackError("the answer is blank: say what is right, or dismiss the question")
        self._close(number, {"state": "answered", "answer": text.strip(), "answered_by": by})

    def dismiss(self, number: int, *, by: str = "") -> None:
        """Take a question away that nobody shall answer.

        Raises:
            FeedbackError: no such question, or somebody else has been faster.
        """
        self._close(number, {"state": "dismissed", "answered_by": by})

    def forget(self, *, photo_sha256: str | None = None, product: str | None = None) -> int:
        """Remove all questions about a photo or a product, and the photos; returns how many questions they were.

        They are off the disk then; copies in backups and in PostgreSQL's log are the database's matter.
        """
        if (photo_sha256 is None) == (product is None):
            raise FeedbackError("forget a photo by its digest, or a product: name one of them")
        which = QUESTIONS.c.photo_sha256 == photo_sha256 if photo_sha256 else QUESTIONS.c.product == product

        def delete_rows() -> int:
            with self._engine.begin() as connection:
                files = set(connection.execute(select(QUESTIONS.c.photo_file).where(which)).scalars())
                count = connection.execute(delete(QUESTIONS).where(which)).rowcount
                files -= set(connection.execute(select(QUESTIONS.c.photo_file)).scalars())
            remove(files)
            wipe(self._engine)
            return int(count)

        return answered(delete_rows)

    def remove_expired(self) -> int:
        """Remove photos whose time has run out; returns how many."""
        expired = (QUESTIONS.c.photo_until < _now()) & QUESTIONS.c.photo_file.is_not(None)

        def unlink() -> int:
            with self._engine.begin() as connection:
                files = set(connection.execute(select(QUESTIONS.c.photo_file).where(expired)).scalars())
                connection.execute(update(QUESTIONS).where(expired).values(photo_file=None, photo_until=None))
                kept = set(connection.execute(select(QUESTIONS.c.photo_file)).scalars())
            remove_strays(self._photos, kept)
            return remove(files - kept)

        return answered(unlink)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "FeedbackStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _close(self, number: int, values: dict[str, Any]) -> None:
        """Close an open question; of two people who try, one does."""
        is_this = QUESTIONS.c.id == number

        def write() -> str | None:
            with self._engine.begin() as connection:
                change = update(QUESTIONS).where(is_this & (QUESTIONS.c.state == "open"))
                if connection.execute(change.values(**values, answered_at=_now())).rowcount:
                    return "closed now"
                return connection.execute(select(QUESTIONS.c.state).where(is_this)).scalar_one_or_none()

        state = answered(write)
        if state is None:
            raise FeedbackError(f"there is no question {number}: list them")
        if state != "closed now":
            raise FeedbackError(f"question {number} is {state} already")


def _now() -> datetime:
    return datetime.now(timezone.utc)  # noqa: UP017  Python 3.10
