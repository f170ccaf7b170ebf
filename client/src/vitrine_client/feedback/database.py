"""Connections to the database of a store: SQLite, or PostgreSQL."""

from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from vitrine_client.errors import VitrineError

Result = TypeVar("Result")
_BUSY_S = 30
_SQLITE = {
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "secure_delete": "ON",
    "busy_timeout": _BUSY_S * 1000,
}


class FeedbackError(VitrineError):
    """The store cannot do what was asked; says why and what to do."""


def engine_of(url: str) -> Engine:
    """Connect to `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`.

    Raises:
        FeedbackError: it is no such URL.
    """
    try:
        engine = create_engine(url.replace("postgresql://", "postgresql+pg8000://", 1), pool_pre_ping=True)
    except (SQLAlchemyError, ImportError, ValueError) as error:
        raise FeedbackError(
            "the store's URL cannot be used: sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME is expected"
        ) from error
    if engine.dialect.name == "sqlite":

        @event.listens_for(engine, "connect")
        def set_up(connection: Any, _: Any) -> None:
            for name, value in _SQLITE.items():
                connection.execute(f"PRAGMA {name}={value}")

    return engine


def answered(work: Callable[[], Result]) -> Result:
    """Return what `work` does with a database.

    Raises:
        FeedbackError: the database is away, full or locked.
    """
    try:
        return work()
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise FeedbackError(
            f"the store of feedback does not answer ({type(cause).__name__}): is its database up, and is there room on "
            "the disk?"
        ) from error


def wipe(engine: Engine) -> None:
    """Take what was deleted off the disk: rewrite the table in PostgreSQL, empty the log of SQLite.

    Raises:
        FeedbackError: another process has been reading all the while.
    """
    if engine.dialect.name != "sqlite":
        # Within no transaction, which the ping of the other engine's pool would have begun.
        with create_engine(engine.url, isolation_level="AUTOCOMMIT", poolclass=NullPool).connect() as connection:
            connection.exec_driver_sql("VACUUM FULL feedback")
        return
    with engine.connect() as connection:
        is_busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if is_busy:
        raise FeedbackError("the questions are removed, but stay in SQLite's log while others read: forget them again")
