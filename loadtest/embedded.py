"""A server for the time of one run: a built repository, served on this machine."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


class ServingMissingError(ValueError):
    """The package `serving`, or something that it needs, is not installed; the message says what to do instead."""


class EmbeddedServerError(RuntimeError):
    """The server did not start; `exit_status` is the one that `python -m serving` would end with."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


@dataclass(frozen=True)
class Target:
    """The server that is loaded."""

    url: str
    """gRPC address, "host:port"."""
    metrics_url: str | None
    """Address of its Prometheus metrics; None: unknown."""
    pid: int | None = None
    """Process id, where it runs on this machine as a child of ours."""


def require_serving() -> ModuleType:
    """Import the server side, which the load test's own image lacks.

    Raises:
        ServingMissingError: names the module that is missing.
    """
    try:
        from serving.supervision import server
    except ModuleNotFoundError as error:
        raise ServingMissingError(
            f"--repository serves here, but the module {error.name} is not installed: start a server elsewhere and "
            "name it with --url, or run this in a checkout after `make setup`"
        ) from error
    return server


@contextmanager
def embedded_server(repository: Path, log_file: Path) -> Iterator[Target]:
    """Serve `repository` on free ports until the block ends.

    Raises:
        EmbeddedServerError: it did not come up.
        ServingMissingError: see `require_serving`.
    """
    module = require_serving()
    from serving.errors import ServingError
    from serving.triton.command import ServerSettings

    settings = ServerSettings(repository, grpc_port=0, metrics_port=0, log_file=log_file)
    try:
        with module.EmbeddedServer(settings) as server:
            metrics_url = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"
            yield Target(server.url, metrics_url, server.pid)
    except ServingError as error:
        raise EmbeddedServerError(str(error), error.exit_status) from error
