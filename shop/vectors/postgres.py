"""Vectors in PostgreSQL, by its extension pgvector."""

import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from sqlalchemy import Connection, Engine, TextClause, text
from sqlalchemy.exc import SQLAlchemyError
from vitrine_client.feedback.database import FeedbackError, engine_of

from shop.vectors.points import entry_from_payload
from shop.vectors.port import (
    KEYWORDS,
    Entry,
    Filter,
    Hit,
    Vector,
    VectorsError,
    checked_entries,
    checked_values,
    missing_release,
    require_limit,
)

Result = TypeVar("Result")
_TEXTS = ("shop", "sku", "photo", *KEYWORDS)
_COLUMNS = ", ".join((*_TEXTS, "price"))
_PAGE = 1000
_FEW = 5000
"""Matching rows up to which they are compared one by one: exact, and quicker than an index that skips the rest."""
_COMPARISON = {"lt": "<", "gt": ">", "lte": "<=", "gte": ">="}
_RELEASES = """
CREATE TABLE IF NOT EXISTS vitrine_vector_releases (
    number integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, release text UNIQUE NOT NULL, width integer NOT NULL,
    serves boolean NOT NULL DEFAULT false)
"""


class PostgresVectors:
    """Table of one release. See `Vectors`."""

    def __init__(self, url: str, release: str, width: int) -> None:
        """Open the table of a release, and make it where there is none.

        Raises:
            VectorsError: it is of another width, there is no pgvector, or the server does not answer.
        """
        self.release, self.width, self._engine = release, width, _engine(url)
        self._table = _in(self._engine, self._open)

    def upsert(self, entries: Sequence[Entry]) -> None:
        rows = [
            entry.payload() | {"id": id, "vector": json.dumps(values)}
            for id, (entry, values) in checked_entries(entries, self.release, self.width).items()
        ]
        columns = f"id, {_COLUMNS}, vector"
        changes = ", ".join(f"{name} = excluded.{name}" for name in columns.split(", ")[1:])
        kinds = ", ".join(f"{name} text" for name in (*_TEXTS, "vector"))
        query = (
            f"INSERT INTO {self._table} ({columns}) SELECT id, {_COLUMNS}, CAST(vector AS vector) "  # noqa: S608  no data
            f"FROM json_to_recordset(CAST(:rows AS json)) AS row(id uuid, {kinds}, price float8) "
            f"ORDER BY id ON CONFLICT (id) DO UPDATE SET {changes}"  # in one order: two never wait for each other
        )
        _in(self._engine, lambda connection: connection.execute(text(query), {"rows": json.dumps(rows)}))

    def search(self, vector: Vector, filter: Filter, limit: int) -> list[Hit]:
        require_limit(limit)
        values = json.dumps(checked_values(vector, self.release, self.width).tolist())
        where, named = _where(filter)
        few = f"SELECT count(*) FROM (SELECT 1 FROM {self._table} WHERE {where} LIMIT {_FEW + 1}) AS few"  # noqa: S608  as above
        matching = f"SELECT {_COLUMNS}, vector FROM {self._table} WHERE {where}"  # noqa: S608  as above
        nearest = f"SELECT {_COLUMNS}, vector <=> CAST(:vector AS vector) AS distance"
        end = "ORDER BY distance LIMIT :limit"

        def rows(connection: Connection) -> Sequence[Any]:
            if connection.execute(text(few), named).scalar_one() <= _FEW:
                query = f"WITH matching AS MATERIALIZED ({matching}) {nearest} FROM matching {end}"
            else:
                connection.exec_driver_sql(f"SET LOCAL hnsw.ef_search = {max(200, limit)}")
                connection.exec_driver_sql("SET LOCAL hnsw.iterative_scan = strict_order")
                query = f"{nearest} FROM {self._table} WHERE {where} {end}"
            return _rows(connection, text(query), named | {"vector": values, "limit": limit})

        hits = []
        for row in _in(self._engine, rows):
            payload = {name: row[name] for name in (*_TEXTS, "price")}
            hits.append(Hit(row["sku"], row["photo"], 1 - float(row["distance"]), payload))
        return hits

    def delete(self, shop: str, sku: str, photos: Sequence[str] | None = None) -> None:
        query = text(
            f"DELETE FROM {self._table} WHERE shop = :shop AND sku = :sku "  # noqa: S608  the table's name is ours
            "AND (CAST(:photos AS text) IS NULL OR photo IN (SELECT json_array_elements_text(CAST(:photos AS json))))"
        )
        given = {"shop": shop, "sku": sku, "photos": None if photos is None else json.dumps(list(photos))}
        _in(self._engine, lambda connection: connection.execute(query, given))

    def entries(self, shop: str, sku: str | None = None) -> Iterator[Entry]:
        query = text(
            f"SELECT id, {_COLUMNS}, CAST(vector AS text) AS vector FROM {self._table} "  # noqa: S608  as above
            f"WHERE shop = :shop AND (CAST(:sku AS text) IS NULL OR sku = :sku) AND id > :after "
            f"ORDER BY id LIMIT {_PAGE}"
        )
        after = "00000000-0000-0000-0000-000000000000"
        while rows := _in(self._engine, partial(_rows, query=query, named={"shop": shop, "sku": sku, "after": after})):
            for row in rows:
                vector = Vector(self.release, np.array(json.loads(row["vector"]), np.float32))
                yield entry_from_payload({name: row[name] for name in (*_TEXTS, "price")}, vector)
            after = rows[-1]["id"]

    def count(self) -> int:
        query = text(f"SELECT count(*) FROM {self._table}")  # noqa: S608  as above
        return int(_in(self._engine, lambda connection: connection.execute(query).scalar_one()))

    def index(self) -> None:
        query = text(
            f"CREATE INDEX IF NOT EXISTS {self._table}_near ON {self._table} USING hnsw (vector vector_cosine_ops)"
        )

        def build(connection: Connection) -> None:
            connection.exec_driver_sql("SET LOCAL maintenance_work_mem = '1GB'")
            connection.execute(query)
            connection.exec_driver_sql(f"ANALYZE {self._table}")

        _in(self._engine, build)

    def close(self) -> None:
        self._engine.dispose()

    def _open(self, connection: Connection) -> str:
        _make_releases(connection)
        connection.exec_driver_sql("CREATE EXTENSION IF NOT EXISTS vector")
        add = "INSERT INTO vitrine_vector_releases (release, width) VALUES (:release, :width) ON CONFLICT DO NOTHING"
        connection.execute(text(add), {"release": self.release, "width": self.width})
        find = text("SELECT number, width FROM vitrine_vector_releases WHERE release = :release")
        number, found = connection.execute(find, {"release": self.release}).one()
        if found != self.width:
            raise VectorsError(f"vectors of {self.width} numbers came, but those of {self.release} have {found}")
        table = f"vitrine_vectors_{number}"
        texts = ", ".join(f"{name} text NOT NULL" for name in _TEXTS)
        connection.exec_driver_sql(
            f"CREATE TABLE IF NOT EXISTS {table} "
            f"(id uuid PRIMARY KEY, {texts}, price float8, vector vector({self.width}) NOT NULL)"
        )
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {table}_sku ON {table} (shop, sku)")
        connection.exec_driver_sql(f"CREATE INDEX IF NOT EXISTS {table}_category ON {table} (shop, category)")
        return table


def open_vectors(url: str, release: str, width: int) -> PostgresVectors:
    return PostgresVectors(url, release, width)


def switch_to(url: str, release: str) -> None:
    """See `opening.switch_to`: one row is changed."""

    def switch(connection: Connection) -> None:
        _make_releases(connection)
        find = text("SELECT 1 FROM vitrine_vector_releases WHERE release = :release")
        if connection.execute(find, {"release": release}).one_or_none() is None:
            raise missing_release(release)
        change = text("UPDATE vitrine_vector_releases SET serves = (release = :release)")
        connection.execute(change, {"release": release})

    _once(url, switch)


def serving_release(url: str) -> str | None:
    """See `opening.serving_release`."""

    def read(connection: Connection) -> str | None:
        _make_releases(connection)
        query = text("SELECT release FROM vitrine_vector_releases WHERE serves")
        return connection.execute(query).scalar_one_or_none()

    return _once(url, read)


def _make_releases(connection: Connection) -> None:
    connection.exec_driver_sql("SELECT pg_advisory_xact_lock(8748391)")  # of two that make tables, one waits
    connection.exec_driver_sql(_RELEASES)


def _rows(connection: Connection, query: TextClause, named: dict[str, Any]) -> Sequence[Any]:
    return connection.execute(query, named).mappings().all()


def _where(filter: Filter) -> tuple[str, dict[str, Any]]:
    """Return a condition in SQL, and the values that it names."""
    parts, named = [], dict[str, Any]()
    for verb, fields in (("= ANY", filter.wanted()), ("<> ALL", filter.unwanted())):
        for column, values in fields:
            named[f"v{len(named)}"] = list(values)
            parts.append(f"{column} {verb} (CAST(:v{len(named) - 1} AS text[]))")
    for name, bound in filter.bounds().items():
        named[name] = bound
        parts.append(f"price {_COMPARISON[name]} :{name}")
    return " AND ".join(parts), named


def _engine(url: str) -> Engine:
    try:
        return engine_of(url)
    except FeedbackError as error:
        raise VectorsError(error.message) from error


def _once(url: str, work: Callable[[Connection], Result]) -> Result:
    engine = _engine(url)
    try:
        return _in(engine, work)
    finally:
        engine.dispose()


def _in(engine: Engine, work: Callable[[Connection], Result]) -> Result:
    """Return what `work` does in one transaction.

    Raises:
        VectorsError: the server is away, full, or refuses.
    """
    try:
        with engine.begin() as connection:
            return work(connection)
    except (SQLAlchemyError, OSError) as error:
        cause = getattr(error, "orig", None) or error
        raise VectorsError(
            f"the database of vectors does not answer ({type(cause).__name__}): is it up, has it pgvector, "
            "and may it be written?"
        ) from error
