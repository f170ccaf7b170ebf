"""Writes and reads the file of `--ready-file`, which tells other programs where a server listens, once it answers."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from serving.errors import ServingError, UsageError
from serving.triton.command import ServerSettings
from vitrine_steps.file_format import FIELD, FormatError, require_format

READY_FORMAT = 1


@dataclass(frozen=True)
class Addresses:
    """Addresses of one server, and its process."""

    pid: int
    """Process id of `python -m serving`, whose children are Triton and the door."""
    grpc_url: str
    """HOST:PORT, as clients take it."""
    http_url: str | None
    """Address of KServe's protocol over HTTP, such as http://127.0.0.1:8000; None: not served."""
    metrics_url: str | None
    """Address of the metrics, such as http://127.0.0.1:8002/metrics; None: not served."""
    health_url: str | None
    """Address of what the supervisor says of the server; on the metrics' port."""


def addresses_of(settings: ServerSettings, grpc_url: str) -> Addresses:
    """Return the addresses of a server that this process looks after.

    Args:
        settings: with ports that have been chosen.
        grpc_url: HOST:PORT, as programs on this machine reach it.
    """
    host = grpc_url.rpartition(":")[0]
    metrics = None if settings.metrics_port is None else f"http://{host}:{settings.metrics_port}"
    return Addresses(
        pid=os.getpid(),
        grpc_url=grpc_url,
        http_url=None if settings.http_port is None else f"http://{host}:{settings.http_port}",
        metrics_url=metrics and f"{metrics}/metrics",
        health_url=metrics and f"{metrics}/health",
    )


def remove_ready_file(file: Path) -> None:
    """Remove the file, which a server that was killed may have left.

    Raises:
        UsageError: there is something that cannot be removed, or no folder to write it to.
    """
    try:
        file.unlink(missing_ok=True)
        if not os.access(file.parent, os.W_OK):
            raise PermissionError(0, "no such folder, or no right to write there")
    except OSError as error:
        raise UsageError(f"--ready-file: cannot write {file} ({error.strerror}): name another file") from error


def write_ready_file(file: Path, addresses: Addresses) -> None:
    """Write the file in one go: whoever sees it sees all of it.

    Raises:
        ServingError: it cannot be written.
    """
    unfinished = file.with_name(f"{file.name}.{addresses.pid}")
    try:
        unfinished.write_text(json.dumps({FIELD: READY_FORMAT, **asdict(addresses)}) + "\n", "utf-8")
        unfinished.replace(file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ServingError(f"--ready-file: cannot write {file} ({error.strerror}): name another file") from error


def read_ready_file(file: Path) -> Addresses:
    """Read the file of a server that is ready.

    Raises:
        ServingError: there is none, it is of another format, or was not written by `python -m serving`.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
        require_format(content, READY_FORMAT, file=file, remedy="read it with the Vitrine that serves")
        del content[FIELD]
        return Addresses(**content)
    except FormatError as error:
        raise ServingError(str(error)) from error
    except OSError as error:
        raise ServingError(f"cannot read {file} ({error.strerror}): is the server ready?") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise ServingError(f"{file} was not written by `python -m serving --ready-file`") from error
