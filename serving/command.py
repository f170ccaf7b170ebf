"""The server's settings, and the command line that they become."""

from dataclasses import dataclass
from pathlib import Path

from serving.installation import TritonInstallation

DEFAULT_CACHE_MIB = 256
_EXIT_TIMEOUT_S = 10


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


def triton_command(
    settings: ServerSettings, installation: TritonInstallation, *, backends: Path, shm_prefix: str
) -> list[str]:
    """The command line of Triton 2.51.

    Args:
        backends: of `installation.make_backend_folder`.
        shm_prefix: of the shared-memory regions' names, so that they can be found.
    """
    command = [
        str(installation.binary),
        f"--model-repository={settings.repository.resolve()}",
        f"--backend-directory={backends}",
        f"--cache-directory={installation.caches}",
        f"--cache-config=local,size={settings.cache_mib * 2**20}",
        f"--backend-config=python,shm-region-prefix-name={shm_prefix}",
        "--disable-auto-complete-config",  # the repository's configs are complete
        f"--exit-timeout-secs={_EXIT_TIMEOUT_S}",
        f"--grpc-address={settings.host}",
        f"--grpc-port={settings.grpc_port}",
    ]
    command += (
        ["--allow-http=false"]
        if settings.http_port is None
        else [f"--http-address={settings.host}", f"--http-port={settings.http_port}"]
    )
    command += (
        ["--allow-metrics=false"]
        if settings.metrics_port is None
        else [f"--metrics-address={settings.host}", f"--metrics-port={settings.metrics_port}"]
    )
    return command
