"""`python3 -m serving.container`: what runs in the Triton container: checks that the plans fit, then serves."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, File, Folder, Port, Positional
from serving.triton.command import DEFAULT_CACHE_MIB
from serving.triton.redis_cache import RedisAddress, address_from_text


@dataclass(frozen=True)
class ContainerOptions:
    """Serve a built repository in the Triton container. TensorRT plans that do not fit this GPU or this TensorRT are
    refused with the reason; administration over gRPC is closed.

    Example: python3 -m serving.container /models --dry-run
    """

    repository: Positional[Path]
    """A built repository, such as /models."""
    cache_mib: Count = DEFAULT_CACHE_MIB
    """MiB of memory for photos' features; not used with --redis."""
    redis: Annotated[RedisAddress | None, Argument(address_from_text, "HOST:PORT")] = None
    """Redis that keeps photos' features, for several servers; its password stands in the environment,
    TRITONCACHE_REDIS_PASSWORD; empty: none. It has to be there when the server starts, and may be lost later."""
    tls_folder: Folder | None = None
    """Folder whose server.crt and server.key encrypt gRPC; ca.crt in it is what our own questions trust; client-ca.crt,
    if there, makes callers prove themselves, and needs canary.crt and canary.key; a file plain-text says that plain
    text is meant. redis-ca.crt, if there, encrypts the way to Redis, and is what has signed Redis's certificate."""
    ready_timeout: Annotated[float, Argument(metavar="S")] = 300.0
    """Seconds that the models may take to load, to warm up and to answer a first question."""
    grpc_port: Port = 8001
    """Port of gRPC."""
    metrics_port: Port = 8002
    """Port of metrics."""
    trace_url: Annotated[str | None, Argument(metavar="URL")] = None
    """Address of an OTLP/HTTP collector; empty: nothing is traced."""
    admin_key_file: File | None = None
    """File of the key that opens administration to callers who show it."""
    open_administration: bool = False
    """Statistics, traces and so on for everyone: for tests."""
    verbose: bool = False
    """Log each request, and captured CUDA graphs."""
    dry_run: bool = False
    """Print Triton's command line and end."""


def main() -> int:
    options = options_from_arguments(ContainerOptions, "python3 -m serving.container")
    from serving.serve_container import serve_container  # brings gRPC, which --help does not need

    return serve_container(options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
