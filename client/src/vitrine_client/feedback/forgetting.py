"""Questions and photos that are removed for good, in an order that a kill in the middle does not spoil."""

from pathlib import Path

from sqlalchemy import ColumnElement, Engine, delete, select, update

from vitrine_client.feedback.database import wipe
from vitrine_client.feedback.kept_photos import remove
from vitrine_client.feedback.table import QUESTIONS


def forget_questions(engine: Engine, photos: Path | None, which: ColumnElement[bool]) -> int:
    """Remove questions, and the photos that no other question keeps; returns how many questions they were.

    Raises:
        FeedbackError: a photo cannot be removed; its question is still there then.
    """
    # First the photos: where this ends in the middle, the rows still say what is to be removed.
    remove(kept_digests(engine, which) - kept_digests(engine, ~which), photos)
    gone = delete(QUESTIONS).where(which).returning(QUESTIONS.c.photo_sha256, QUESTIONS.c.photo_until)
    with engine.begin() as connection:
        rows = connection.execute(gone).all()
    late = {digest for digest, until in rows if until is not None}  # added since
    remove(late - kept_digests(engine, ~which), photos)
    if rows:
        wipe(engine)
    return len(rows)


def remove_photos(engine: Engine, photos: Path | None, which: ColumnElement[bool]) -> int:
    """Remove the photos of questions, which stay; returns how many photos they were."""
    count = remove(kept_digests(engine, which) - kept_digests(engine, ~which), photos)
    with engine.begin() as connection:
        connection.execute(update(QUESTIONS).where(which).values(photo_until=None))
    return count


def kept_digests(engine: Engine, which: ColumnElement[bool]) -> set[str]:
    """Digests of photos that questions keep, or may keep."""
    kept = select(QUESTIONS.c.photo_sha256).where(which, QUESTIONS.c.photo_until.is_not(None))
    with engine.connect() as connection:
        return set(connection.execute(kept).scalars())
