"""The server's settings, and the command line that they become.

Every flag here is one that both Triton 2.51 (the wheel) and 2.72 (the container) know.
"""

import os
import re
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit

from serving.errors import UsageError
from serving.key_files import require_private
from serving.triton.installation import TritonInstallation
from serving.triton.ports import ipv4_address, resolve_ports
from serving.triton.redis_cache import RedisSettings, redis_options

_SHM_BYTES = 2 * 2**20
"""Size of each step's region of shared memory at first. Triton's own 1 MiB grows in a burst, and never shrinks."""
DEFAULT_CACHE_MIB = 256
READY_TIMEOUT_S = 300.0
_EXIT_TIMEOUT_S = 10
ADMIN_HEADER = "admin-key"
_ADMINISTRATION = ("shared-memory", "model-repository", "statistics", "trace", "logging")
_LEAST_KEY_LENGTH = 20
_SPAN_DELAY_MS = 500
GRPC_SOCKET, HTTP_SOCKET = "grpc", "http"
"""Names of sockets in `ServerSettings.sockets`. Triton adds its port's number to the first: "grpc:1"."""
SOCKET_NUMBER = 1


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
    http_port: int | None = None
    """Port of HTTP; None: not served."""
    metrics_port: int | None = 8002
    """Port of metrics; None: not served."""
    cache_mib: int = DEFAULT_CACHE_MIB
    """Memory for photos' features, where they are kept here."""
    redis: RedisSettings | None = None
    """Redis that keeps photos' features for several servers. None: each keeps its own, in memory."""
    log_file: Path | None = None
    """Triton's log. None: beside the repository, named after it and the gRPC port."""
    tls: TlsSettings | None = None
    """Encryption of the gRPC port. None: plain text."""
    door: bool = True
    """Envoy in front of Triton, see `serving/door/`. Without it, whoever reaches Triton can end it."""
    sockets: Path | None = None
    """A folder where Triton listens for the door, and nowhere else. None: on `host`, with TLS of its own."""
    admin_key_file: Path | None = None
    """The file that holds the key of administration. None: a key that nobody knows, so that it is closed."""
    open_administration: bool = False
    """Switch for tests: administration asks for no key."""
    trace_url: str | None = None
    """Collector of the spans of requests whose callers trace them (OTLP over HTTP). None: nothing is traced."""
    verbose: bool = False
    """Whether Triton logs what it does with each request, and which CUDA graphs it captured."""


def embedded_command(
    settings: ServerSettings, installation: TritonInstallation, *, backends: Path, shm_prefix: str, admin_key: str
) -> list[str]:
    """Write the command line of the wheel's Triton.

    Args:
        backends: of `installation.make_backend_folder`.
        shm_prefix: of the shared-memory regions' names, so that they can be found.
        admin_key: what administration asks for; to be taken off the process list, see `hide_argument.py`.
    """
    return [
        str(installation.binary),
        f"--backend-directory={backends}",
        f"--cache-directory={installation.caches}",
        *_shared_memory(shm_prefix),
        *_options(settings, admin_key),
    ]


def container_command(
    settings: ServerSettings, *, shm_prefix: str, admin_key: str, version_compatible: bool = False
) -> list[str]:
    """Write the command line of the container's Triton, which knows its own folders.

    Args:
        shm_prefix, admin_key: as of `embedded_command`.
        version_compatible: whether plans were built for other versions of TensorRT too.
    """
    extra = ["--backend-config=tensorrt,version-compatible=true"] if version_compatible else []
    return ["tritonserver", *_shared_memory(shm_prefix), *extra, *_options(settings, admin_key)]


def _shared_memory(prefix: str) -> list[str]:
    return [
        f"--backend-config=python,shm-region-prefix-name={prefix}",
        f"--backend-config=python,shm-default-byte-size={_SHM_BYTES}",
    ]


def beside(repository: Path) -> Path:
    """Return the folder that holds a repository, be that named as "."."""
    return Path(os.path.normpath(repository / ".."))


def with_ports_and_log(settings: ServerSettings) -> ServerSettings:
    """Choose what was left open: ports of 0, and the log; and the host's address instead of its name.

    Raises:
        ServingError: a host or port is taken or impossible.
        UsageError: the log would be in the repository.
    """
    host = ipv4_address(settings.host)
    asked = {name: getattr(settings, name) for name in ("grpc_port", "http_port", "metrics_port")}
    ports = resolve_ports(host, {name: port for name, port in asked.items() if port is not None})
    name = Path(os.path.normpath(settings.repository.absolute())).name
    log = settings.log_file or beside(settings.repository) / f"{name}-{ports['grpc_port']}.log"
    if log.resolve().is_relative_to(settings.repository.resolve()):
        raise UsageError(
            f"the log {log} would be in the repository, which holds what was built only: choose another with --log-file"
        )
    return replace(
        settings,
        host=host,
        grpc_port=ports["grpc_port"],
        http_port=ports.get("http_port"),
        metrics_port=ports.get("metrics_port"),
        log_file=log,
    )


def admin_key_of(settings: ServerSettings) -> str:
    """Read the key of administration, or draw one that nobody knows.

    Raises:
        UsageError: no such file, one that others may read, or a key that can be guessed.
    """
    file = settings.admin_key_file
    if file is None:
        return secrets.token_hex(32)
    require_private(file, "the key of administration")
    try:
        key = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"cannot read the key of administration in {file}: {error}") from error
    if not re.fullmatch(rf"[0-9A-Za-z_-]{{{_LEAST_KEY_LENGTH},}}", key):
        raise UsageError(
            f"the key of administration in {file} is expected to be at least {_LEAST_KEY_LENGTH} letters, digits, - "
            f"and _, and nothing else, but {len(key)} characters came: openssl rand -hex 32 > {file}"
        )
    return key


def _require_trace_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc or not parts.path.strip("/"):
        raise UsageError(
            f"the address for spans is {url!r}, but a collector's OTLP/HTTP one is expected, with its path, such as "
            "http://collector:4318/v1/traces"
        )
    return url


def _address(settings: ServerSettings, socket: str) -> str:
    return settings.host if settings.sockets is None else f"unix:{settings.sockets / socket}"


def _options(settings: ServerSettings, admin_key: str) -> list[str]:
    return [
        f"--model-repository={settings.repository.resolve()}",
        *_cache(settings),
        "--disable-auto-complete-config",  # the repository's configs are complete
        f"--exit-timeout-secs={_EXIT_TIMEOUT_S}",
        *_ports(settings),
        *_encryption(settings),
        *_tracing(settings),
        *_restrict_administration(settings, admin_key),
        *(["--log-verbose=1"] if settings.verbose else []),
    ]


def _cache(settings: ServerSettings) -> list[str]:
    """Write the one cache: Triton takes no two."""
    return (
        redis_options(settings.redis) if settings.redis else [f"--cache-config=local,size={settings.cache_mib * 2**20}"]
    )


def _ports(settings: ServerSettings) -> list[str]:
    options = [
        f"--grpc-address={_address(settings, GRPC_SOCKET)}",
        f"--grpc-port={settings.grpc_port if settings.sockets is None else SOCKET_NUMBER}",
    ]
    if settings.http_port is None:
        options.append("--allow-http=false")
    else:
        options += [f"--http-address={_address(settings, HTTP_SOCKET)}", f"--http-port={settings.http_port}"]
    if settings.metrics_port is None:
        return [*options, "--allow-metrics=false"]
    return [
        *options,
        "--metrics-address=127.0.0.1",  # for `metrics_door.py`, which is what others reach
        f"--metrics-port={settings.metrics_port}",
        "--metrics-config=summary_latencies=true",  # percentiles of the last minute
    ]


def _encryption(settings: ServerSettings) -> list[str]:
    """Write what encrypts gRPC, where Triton itself listens for others."""
    tls = settings.tls
    if tls is None or settings.sockets is not None:
        return []
    certificate, key = tls.certificate.absolute(), tls.key.absolute()  # Triton starts in another folder
    options = ["--grpc-use-ssl=true", f"--grpc-server-cert={certificate}", f"--grpc-server-key={key}"]
    if tls.client_authority:
        options += ["--grpc-use-ssl-mutual=true", f"--grpc-root-cert={tls.client_authority.absolute()}"]
    return options


def _tracing(settings: ServerSettings) -> list[str]:
    if settings.trace_url is None:
        return []
    return [
        "--trace-config=mode=opentelemetry",
        "--trace-config=level=TIMESTAMPS",
        "--trace-config=rate=0",  # none but those whose caller has sampled them
        f"--trace-config=opentelemetry,url={_require_trace_url(settings.trace_url)}",
        f"--trace-config=opentelemetry,bsp_schedule_delay={_SPAN_DELAY_MS}",
        "--trace-config=opentelemetry,resource=service.name=vitrine",
    ]


def _restrict_administration(settings: ServerSettings, admin_key: str) -> list[str]:
    if settings.open_administration:
        return []
    restriction = f"{','.join(_ADMINISTRATION)}:{ADMIN_HEADER}={admin_key}"
    options = [f"--grpc-restricted-protocol={restriction}"]
    if settings.http_port is not None:
        options.append(f"--http-restricted-api={restriction}")
    return options
