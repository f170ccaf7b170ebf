"""The embedded server's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager


class ServingError(RuntimeError):
    """The server cannot run. The message says what came, what was expected and what to do."""

    exit_status = 1


class UsageError(ServingError):
    """What was asked for cannot be: the value of an option, or a file or folder that it names."""

    exit_status = 2


@contextmanager
def only_serving_errors(what: str) -> Iterator[None]:
    """Faults of the system, such as a full disk, and of the server's own questions become a `ServingError`."""
    from vitrine_client import VitrineError  # brings gRPC, which a command line does not need

    try:
        yield
    except (OSError, VitrineError) as error:
        raise ServingError(f"{what}: {error}") from error
