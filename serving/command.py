"""The server's settings, and the command line that they become.

Every flag here is one that both Triton 2.51 (the wheel) and 2.72 (the container) know.
"""

import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from serving.errors import ServingError
from serving.installation import TritonInstallation

DEFAULT_CACHE_MIB = 256
_EXIT_TIMEOUT_S = 10
_ADMINISTRATION = ("shared-memory", "model-repository", "statistics", "trace", "logging")


@dataclass(frozen=True)
class TlsSettings:
    """PEM files of an encrypted gRPC port."""

    certificate: Path
    key: Path
    client_authority: Path | None = None
    """Clients must show a certificate that this authority has signed. None: any client may connect."""


@dataclass(frozen=True)
class ServerSettings:
    repository: Path
    """A built repository."""
    host: str = "127.0.0.1"
    grpc_port: int = 8001
    http_port: int | None = 8000
    """None: no HTTP."""
    metrics_port: int | None = 8002
    """None: no metrics."""
    cache_mib: int = DEFAULT_CACHE_MIB
    """Memory for photos' features."""
    log_file: Path | None = None
    """None: beside the repository, named after it and the gRPC port."""
    tls: TlsSettings | None = None
    """Of the gRPC port. None: plain text."""
    restricted: bool = False
    """Whether administration over gRPC asks for a key."""
    trace_url: str | None = None
    """Where spans of requests go whose callers trace them (OTLP over HTTP). None: nothing is traced."""
    verbose: bool = False
    """Whether Triton logs what it does with each request, and which CUDA graphs it captured."""


def embedded_command(
    settings: ServerSettings, installation: TritonInstallation, *, backends: Path, shm_prefix: str
) -> list[str]:
    """The command line of the wheel's Triton.

    Args:
        backends: of `installation.make_backend_folder`.
        shm_prefix: of the shared-memory regions' names, so that they can be found.
    """
    return [
        str(installation.binary),
        f"--backend-directory={backends}",
        f"--cache-directory={installation.caches}",
        f"--backend-config=python,shm-region-prefix-name={shm_prefix}",
        *_options(settings),
    ]


def container_command(settings: ServerSettings, *, version_compatible: bool = False) -> list[str]:
    """The command line of the container's Triton, which knows its own folders.

    Args:
        version_compatible: whether plans were built for other versions of TensorRT too.
    """
    extra = ["--backend-config=tensorrt,version-compatible=true"] if version_compatible else []
    return ["tritonserver", *extra, *_options(settings)]


def _checked_trace_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.strip("/"):
        raise ServingError(
            f"the address for spans is {url!r}, but a collector's OTLP/HTTP one is expected, with its path, such as "
            "http://collector:4318/v1/traces"
        )
    return url


def _options(settings: ServerSettings) -> list[str]:
    options = [
        f"--model-repository={settings.repository.resolve()}",
        f"--cache-config=local,size={settings.cache_mib * 2**20}",
        "--disable-auto-complete-config",  # the repository's configs are complete
        f"--exit-timeout-secs={_EXIT_TIMEOUT_S}",
        f"--grpc-address={settings.host}",
        f"--grpc-port={settings.grpc_port}",
    ]
    options += (
        ["--allow-http=false"]
        if settings.http_port is None
        else [f"--http-address={settings.host}", f"--http-port={settings.http_port}"]
    )
    options += (
        ["--allow-metrics=false"]
        if settings.metrics_port is None
        else [
            f"--metrics-address={settings.host}",
            f"--metrics-port={settings.metrics_port}",
            "--metrics-config=summary_latencies=true",  # percentiles of the last minute
        ]
    )
    if settings.tls:
        options += ["--grpc-use-ssl=true", f"--grpc-server-cert={settings.tls.certificate}"]
        options.append(f"--grpc-server-key={settings.tls.key}")
        if settings.tls.client_authority:
            options += ["--grpc-use-ssl-mutual=true", f"--grpc-root-cert={settings.tls.client_authority}"]
    if settings.trace_url is not None:
        options += [
            "--trace-config=mode=opentelemetry",
            "--trace-config=level=TIMESTAMPS",
            "--trace-config=rate=0",  # none but those whose caller has sampled them
            f"--trace-config=opentelemetry,url={_checked_trace_url(settings.trace_url)}",
            "--trace-config=opentelemetry,resource=service.name=vitrine",
        ]
    if settings.restricted:
        # A key that nobody knows: closed until there is a way to hand one over that no process list shows.
        protocols = ",".join(_ADMINISTRATION)
        options.append(f"--grpc-restricted-protocol={protocols}:admin-key={secrets.token_hex(32)}")
    if settings.verbose:
        options.append("--log-verbose=1")
    return options
