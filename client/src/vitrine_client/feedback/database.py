"""Connections to the database of a store: SQLite, or PostgreSQL."""

import ssl
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import URL, Engine, MetaData, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from vitrine_client.errors import VitrineError
from vitrine_client.feedback.table import METADATA

Result = TypeVar("Result")
_EXPECTED = "sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME is expected"
_SQLITE = {
    "busy_timeout": 30_000,  # milliseconds; the first, since the next one waits for others
    "journal_mode": "WAL",
    "synchronous": "FULL",
    "secure_delete": "ON",
}
_TIMEOUT_S = 30
"""Seconds that PostgreSQL may take for anything."""
_POSTGRES_OPTIONS = ("sslmode", "unix_sock")


class FeedbackError(VitrineError):
    """The store cannot do what was asked; says why and what to do."""


class NotThereError(FeedbackError):
    """There is no such question."""


class TakenError(FeedbackError):
    """Somebody else has closed the question."""


def make_table(engine: Engine, tables: MetaData = METADATA) -> None:
    """Make the tables where there are none."""
    try:
        tables.create_all(engine)
    except SQLAlchemyError:  # another process has just made them
        tables.create_all(engine)


def answered(work: Callable[[], Result], content: str = "feedback") -> Result:
    """Return what `work` does with a database.

    Args:
        content: what the store holds, for the message.

    Raises:
        FeedbackError: the database is away, full or locked.
    """
    try:
        return work()
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise FeedbackError(
            f"the store of {content} does not answer ({type(cause).__name__}): is its database up, may it be written, "
            "and is there room on the disk?"
        ) from error


def wipe(engine: Engine) -> None:
    """Take what was deleted off the disk: rewrite the table in PostgreSQL, empty the log of SQLite.

    Raises:
        FeedbackError: another process has been reading all the while.
    """
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("COMMIT")  # the transaction that the pool's ping has begun
            connection.exec_driver_sql("VACUUM FULL feedback")
        return
    with engine.connect() as connection:
        is_busy, *_ = connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").one()
    if is_busy:
        raise FeedbackError("the questions are removed, but stay in SQLite's log while others read: forget them again")


def engine_of(url: str) -> Engine:
    """Prepare connections to `sqlite:///FILE`, or `postgresql://USER:PASSWORD@HOST/NAME`.

    Args:
        url: `?sslmode=require` encrypts; `verify-full` looks at the server's certificate as well.

    Raises:
        FeedbackError: it is no such URL.
    """
    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError) as error:
        raise FeedbackError(f"the store's URL cannot be used: {_EXPECTED}") from error
    name = parsed.get_backend_name()
    if name not in ("sqlite", "postgresql") or (name == "sqlite" and parsed.database in (None, "", ":memory:")):
        raise FeedbackError(f"the store's URL cannot be used: {_EXPECTED}")
    if name == "sqlite":
        engine = create_engine(parsed)
        event.listen(engine, "connect", _set_up_sqlite)
        return engine
    if unknown := [option for option in parsed.query if option not in _POSTGRES_OPTIONS]:
        raise FeedbackError(
            f"the store's URL has the option {unknown[0][:40]}: {', '.join(_POSTGRES_OPTIONS)} are known"
        )
    bare = parsed.set(drivername="postgresql+pg8000").difference_update_query(["sslmode"])
    return create_engine(bare, pool_pre_ping=True, connect_args={"timeout": _TIMEOUT_S} | _encryption(parsed))


def _encryption(url: URL) -> dict[str, Any]:
    mode = str(url.query.get("sslmode", "disable"))
    if mode in ("disable", "allow", "prefer"):
        return {}
    context = ssl.create_default_context()
    if mode == "require":
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return {"ssl_context": context}


def _set_up_sqlite(connection: Any, _: Any) -> None:
    for name, value in _SQLITE.items():
        connection.execute(f"PRAGMA {name}={value}")
