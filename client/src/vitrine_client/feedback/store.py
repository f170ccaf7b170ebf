"""Store of questions that the model handed over or got wrong, and what people answered: SQLite or PostgreSQL."""

import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Select, case, insert, select, update
from sqlalchemy.exc import IntegrityError

from vitrine_client.errors import InvalidRequestError
from vitrine_client.feedback.counts import Counts, count_questions
from vitrine_client.feedback.database import NotThereError, TakenError, answered, engine_of, make_table
from vitrine_client.feedback.forgetting import forget_questions, kept_digests, remove_photos
from vitrine_client.feedback.kept_photos import keep, remove
from vitrine_client.feedback.table import QUESTIONS, UTC, Item, State, item_from, key_of
from vitrine_client.feedback.texts import require_texts
from vitrine_client.results import Answer

Result = TypeVar("Result")
_LARGEST_NUMBER = 2**31 - 1


class FeedbackStore:
    """Questions for people, and their answers. Safe for several threads and several processes at once.

    What `add` and `answer` have returned from is on disk: a process that is killed loses nothing of it.
    """

    def __init__(self, url: str, *, photos: Path | None = None, waits: bool = False) -> None:
        """Open a store, and make its table where there is none.

        Args:
            url: "sqlite:///feedback.db" or "postgresql://user:password@host/shop", for instance.
            photos: folder for photos that are kept, of this store alone; None: none are.
            waits: True: the database may come later; until it is there, calls fail.

        Raises:
            FeedbackError: the database cannot be reached.
        """
        self._photos = photos
        self._engine = engine_of(url)
        self._has_table = False
        if not waits:
            self._do(lambda: None)

    def add(
        self,
        photo: bytes,
        question: str,
        answer: Answer,
        *,
        shop: str = "",
        product: str = "",
        buyer: str = "",
        keep_days: float | None = None,
        vector: NDArray[np.float32] | None = None,
    ) -> int:
        """Ask people a question that the model handed over or got wrong; returns its number.

        The same question of a buyer about the same photo of the same product is there once: asked again, it counts,
        what the model said last is kept, and one that was dismissed is open again.

        Args:
            photo: encoded.
            answer: what the model said.
            keep_days: how long the photo is kept; None: only its digest is.
            vector: [E], the photo's embedding, which spreads what is labelled first over unlike photos.

        Raises:
            InvalidRequestError: a text is too long or none, or no folder was named for photos.
            FeedbackError: the photo cannot be kept, or the store does not answer.
        """
        require_texts(question=question, shop=shop, product=product, buyer=buyer)
        if keep_days is not None and self._photos is None:
            raise InvalidRequestError("no folder was named for photos: name one, or keep only the digest")
        digest, now = hashlib.sha256(photo).hexdigest(), _now()
        key = key_of(shop, digest, question, product, buyer)
        changes: dict[str, Any] = {
            "said": answer.text, "status": answer.status, "confidence": answer.confidence, "release": answer.release,
            "suggestions": json.dumps([one.text for one in answer.alternatives], ensure_ascii=False),
            "vector": None if vector is None else vector.astype(np.float16).tobytes(),
        }  # fmt: skip
        if keep_days is not None:
            changes["photo_until"] = now + timedelta(days=keep_days)
        names = {"key": key, "shop": shop, "photo_sha256": digest, "question": question}
        names |= {"product": product, "buyer": buyer}

        def write() -> int:
            try:
                with self._engine.begin() as connection:
                    row = names | changes | {"state": "open", "times": 1, "asked_at": now}
                    added = connection.execute(insert(QUESTIONS).values(row).returning(QUESTIONS.c.id))
                    return int(added.scalar_one())
            except IntegrityError:  # it is there, or another process has just put it there
                with self._engine.begin() as connection:
                    again = update(QUESTIONS).where(QUESTIONS.c.key == key).returning(QUESTIONS.c.id)
                    state = case((QUESTIONS.c.state == "dismissed", "open"), else_=QUESTIONS.c.state)
                    told = case((QUESTIONS.c.state == "dismissed", None), else_=QUESTIONS.c.told_at)
                    counted = changes | {"times": QUESTIONS.c.times + 1, "state": state, "told_at": told}
                    return int(connection.execute(again.values(counted)).scalar_one())

        number = self._do(write)
        if keep_days is not None and self._photos is not None:
            keep(photo, digest, self._photos)
            if not self._do(lambda: kept_digests(self._engine, QUESTIONS.c.photo_sha256 == digest)):
                remove({digest}, self._photos)  # it was forgotten in the meantime
        return number

    def items(
        self,
        state: State | None = None,
        *,
        shop: str | None = None,
        product: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[Item]:
        """List questions, the oldest first.

        Args:
            state, shop, product: those that are wanted; None: all.
            after: number of the question that they stand behind.
            limit: of questions; None: all.
        """
        require_texts(shop=shop, product=product)
        query = select(QUESTIONS).where(QUESTIONS.c.id > min(after, _LARGEST_NUMBER)).order_by(QUESTIONS.c.id)
        query = query if limit is None else query.limit(limit)
        for name, wanted in {"state": state, "shop": shop, "product": product}.items():
            query = query if wanted is None else query.where(QUESTIONS.c[name] == wanted)

        return self._items_of(query)

    def item(self, number: int, *, shop: str | None = None) -> Item:
        """Return one question.

        Raises:
            NotThereError: there is none of this number, or it is another shop's.
        """

        def row() -> Any:
            with self._engine.connect() as connection:
                return connection.execute(select(QUESTIONS).where(_is_this(number, shop))).one_or_none()

        found = self._do(row)
        if found is None:
            raise NotThereError(f"there is no question {number}: list them")
        return item_from(found, self._photos)

    def counts(self, shop: str | None = None) -> Counts:
        """Count questions, of one shop or of all."""
        return self._do(lambda: count_questions(self._engine, shop))

    def answer(self, number: int, text: str, *, by: str = "", shop: str | None = None) -> None:
        """Record what a person answered.

        Raises:
            NotThereError, TakenError: no such question of this shop, or somebody else has been faster.
            InvalidRequestError: it is blank or too long.
        """
        if not text.strip():
            raise InvalidRequestError("the answer is blank: say what is right, or dismiss the question")
        require_texts(answer=text, by=by)
        self._close(number, shop, {"state": "answered", "answer": text.strip(), "answered_by": by})

    def dismiss(self, number: int, *, by: str = "", shop: str | None = None) -> None:
        """Take a question away that nobody shall answer.

        Raises:
            NotThereError, TakenError: no such question of this shop, or somebody else has been faster.
        """
        require_texts(by=by)
        self._close(number, shop, {"state": "dismissed", "answered_by": by})

    def untold(self, shop: str) -> list[Item]:
        """List closed questions of a shop that it has not been told of, the oldest first; a hundred at most."""
        which = (QUESTIONS.c.shop == shop) & (QUESTIONS.c.state != "open") & QUESTIONS.c.told_at.is_(None)
        return self._items_of(select(QUESTIONS).where(which).order_by(QUESTIONS.c.answered_at).limit(100))

    def mark_told(self, number: int) -> None:
        """Note that the shop has been told what people answered."""

        def write() -> None:
            with self._engine.begin() as connection:
                connection.execute(update(QUESTIONS).where(_is_this(number, None)).values(told_at=_now()))

        self._do(write)

    def forget(
        self, *, photo_sha256: str | None = None, product: str | None = None, buyer: str | None = None,
        shop: str | None = None,
    ) -> int:  # fmt: skip
        """Remove all questions about a photo or a product, or of a buyer, and the photos; returns how many they were.

        They are off the disk then; copies in exports, in backups and in PostgreSQL's log are not. A photo stays while
        another question keeps it. Killed in the middle, it is to be called again.

        Args:
            shop: only of this one; None: of all.

        Raises:
            InvalidRequestError: not one of the three was named.
            FeedbackError: something cannot be removed.
        """
        named = {name: value for name, value in
                 (("photo_sha256", photo_sha256), ("product", product), ("buyer", buyer)) if value}  # fmt: skip
        if len(named) != 1:
            raise InvalidRequestError("forget a photo by its digest, a product or a buyer: name one of them")
        require_texts(product=product, buyer=buyer, shop=shop)
        ((name, value),) = named.items()
        which = QUESTIONS.c[name] == value
        if shop is not None:
            which &= QUESTIONS.c.shop == shop

        return self._do(lambda: forget_questions(self._engine, self._photos, which))

    def remove_expired(self) -> int:
        """Remove photos whose time has run out; returns how many."""
        return self._do(lambda: remove_photos(self._engine, self._photos, QUESTIONS.c.photo_until < _now()))

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> "FeedbackStore":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _items_of(self, query: Select[Any]) -> list[Item]:
        def rows() -> list[Item]:
            with self._engine.connect() as connection:
                return [item_from(row, self._photos) for row in connection.execute(query)]

        return self._do(rows)

    def _do(self, work: Callable[[], Result]) -> Result:
        def with_table() -> Result:
            if not self._has_table:
                make_table(self._engine)
                self._has_table = True
            return work()

        return answered(with_table)

    def _close(self, number: int, shop: str | None, values: dict[str, Any]) -> None:
        """Close an open question; of two people who try, one does."""

        def write() -> str | None:
            with self._engine.begin() as connection:
                change = update(QUESTIONS).where(_is_this(number, shop) & (QUESTIONS.c.state == "open"))
                if connection.execute(change.values(**values, answered_at=_now())).rowcount:
                    return "closed now"
                return connection.execute(select(QUESTIONS.c.state).where(_is_this(number, shop))).scalar_one_or_none()

        state = self._do(write)
        if state is None:
            raise NotThereError(f"there is no question {number}: list them")
        if state != "closed now":
            raise TakenError(f"question {number} is {state} already")


def _is_this(number: int, shop: str | None) -> ColumnElement[bool]:
    if not 0 <= number <= _LARGEST_NUMBER:
        raise NotThereError(f"there is no question {number}: list them")
    found = QUESTIONS.c.id == number
    return found if shop is None else found & (QUESTIONS.c.shop == shop)


def _now() -> datetime:
    return datetime.now(UTC)
