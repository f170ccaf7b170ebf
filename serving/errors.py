"""Errors of the embedded server."""

from collections.abc import Iterator
from contextlib import contextmanager


class ServingError(RuntimeError):
    """Failure of a server: it cannot run. The message says what came, what was expected and what to do."""

    exit_status = 1


class UsageError(ServingError):
    """Failure of the caller: an option's value, or a file or folder that it names, cannot be used."""

    exit_status = 2


@contextmanager
def only_serving_errors(what: str) -> Iterator[None]:
    """Turn faults of the system, such as a full disk, and of the server's own questions into a `ServingError`."""
    from vitrine_client import VitrineError  # brings gRPC, which a command line does not need

    try:
        yield
    except (OSError, VitrineError) as error:
        raise ServingError(f"{what}: {error}") from error
