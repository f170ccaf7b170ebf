"""What `python -m serving` takes."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from command_line.values import Argument, Count, File, Port, Positional
from serving.triton.command import DEFAULT_CACHE_MIB, READY_TIMEOUT_S
from serving.triton.ports import ipv4_address


@dataclass(frozen=True)
class ServeOptions:
    """Serve a built repository under the real Triton of the nvidia-pytriton wheel: no GPU, no Docker. Says the
    addresses once a real question has been answered. A step that dies or hangs is noticed, and the server restarted. On
    Ctrl-C or SIGTERM what was accepted is answered first; a second one ends at once.

    Example: python -m serving build/vitrine-small --grpc-port 0
    """

    repository: Positional[Path]
    """A repository that `python -m builders` wrote."""
    host: Annotated[str, Argument(metavar="HOST")] = "127.0.0.1"
    """Address to listen on (default: 127.0.0.1, this machine only)."""
    no_door: bool = False
    """Let Triton itself listen, without Envoy in front, which keeps out requests that end it; on 127.0.0.1 only."""
    grpc_port: Port = 8001
    """Port of gRPC; 0 takes any free one."""
    http_port: Port | None = None
    """Port of HTTP, which is served too; 0 takes any free one (default: no HTTP)."""
    metrics_port: Port = 8002
    """Port of metrics; 0 takes any free one."""
    no_metrics: bool = False
    """Serve no metrics."""
    cache_mib: Count = DEFAULT_CACHE_MIB
    """MiB of memory for photos' features."""
    trace_url: Annotated[str | None, Argument(metavar="URL")] = None
    """Collector of spans of requests whose callers trace them (OTLP over HTTP), such as
    http://localhost:4318/v1/traces."""
    admin_key_file: File | None = None
    """File of the key that opens statistics, traces, logging, model control and shared memory to callers who show it
    (default: closed to all)."""
    open_administration: bool = False
    """The same without a key, on this machine only: for tools that can show none, such as perf_analyzer."""
    ready_timeout: Annotated[float, Argument(metavar="S")] = READY_TIMEOUT_S
    """Seconds that the models may take to load and to answer a first question."""
    log_file: File | None = None
    """Triton's log, emptied at the start (default: beside the repository)."""
    ready_file: File | None = None
    """Written, as JSON for other programs, once a real question has been answered: the addresses and the process's id;
    removed at the end."""

    def __post_init__(self) -> None:
        if self.open_administration and not ipaddress.ip_address(ipv4_address(self.host)).is_loopback:
            raise ValueError(f"--open-administration is for this machine only, not for --host {self.host}")
