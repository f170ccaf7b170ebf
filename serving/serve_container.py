"""One server in the Triton container, from its options to the signal that ends it; refuses plans that do not fit."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrine_client import TlsFiles

from serving.errors import ServingError, UsageError
from serving.key_files import require_private
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.supervision.supervisor import serve_until_signal
from serving.triton.command import ServerSettings, TlsSettings, container_command
from serving.triton.integrity import read_manifest
from serving.triton.launch import Launch
from serving.triton.log import say
from serving.triton.redis_cache import RedisSettings

if TYPE_CHECKING:
    from serving.container import ContainerOptions

_LIBRARY_FOLDERS = ("/usr/lib/x86_64-linux-gnu", "/usr/local/tensorrt/lib", "/opt/tritonserver/lib")


def serve_container(options: "ContainerOptions") -> int:
    """Serve until a signal comes. Returns the exit status."""
    end_on_signals()
    try:
        manifest = read_manifest(options.repository)
        require_fitting(manifest, gpus=gpus_here(), tensorrt=tensorrt_here())
        settings = _settings(options)
        client_tls = _canary_tls(options.tls_folder) if options.tls_folder and settings.tls else None
        compatible = bool(manifest.get("gpu", {}).get("options", {}).get("version_compatible"))
        if options.dry_run:
            print("\n".join(container_command(settings, shm_prefix="-", admin_key="-", version_compatible=compatible)))
            return 0

        def launch(settings: ServerSettings, work: Path, shm_prefix: str, admin_key: str) -> Launch:
            command = container_command(
                settings, shm_prefix=shm_prefix, admin_key=admin_key, version_compatible=compatible
            )
            return Launch(command, {}, log_file=None)

        timeout_s = options.ready_timeout
        server = EmbeddedServer(settings, ready_timeout_s=timeout_s, client_tls=client_tls, launch_from=launch)
    except KeyboardInterrupt:
        return 0
    return serve_until_signal(server, lambda: say("ready"))


def _settings(options: "ContainerOptions") -> ServerSettings:
    return ServerSettings(
        options.repository,
        host="0.0.0.0",  # noqa: S104  inside a container; its published ports decide who gets in
        grpc_port=options.grpc_port,
        metrics_port=options.metrics_port,
        cache_mib=options.cache_mib,
        redis=_redis(options),
        tls=_tls_settings(options.tls_folder),
        door=False,  # this release is past the faults that the door keeps out; the gateway stands in front
        admin_key_file=options.admin_key_file,
        open_administration=options.open_administration,
        trace_url=options.trace_url or None,
        verbose=options.verbose,
    )


def _redis(options: "ContainerOptions") -> RedisSettings | None:
    if options.redis is None:
        return None
    authority = options.tls_folder / "redis-ca.crt" if options.tls_folder else None
    return RedisSettings(options.redis, authority if authority and authority.is_file() else None)


def require_fitting(manifest: dict[str, Any], *, gpus: list[tuple[str, str]], tensorrt: str | None) -> None:
    """Hold TensorRT plans against this machine, which can run only what was built for it.

    Args:
        gpus: name and compute capability of each here.
        tensorrt: its version here; None: unknown.

    Raises:
        ServingError: the plans were built for another GPU or another TensorRT; says which, and what to do.
    """
    if manifest["target"] != "tensorrt":
        return
    built = manifest["gpu"]
    rebuild = "build again here: docker compose run --rm builder"
    if not gpus:
        raise ServingError(
            f"this repository holds TensorRT plans for {built['gpu']}, and no GPU is visible here: start the container "
            "with one, or serve a repository built with --target onnxruntime"
        )
    compatibility = built["options"]["hardware_compatibility"]
    for name, capability in gpus:
        if not _runs_on(capability, built["compute_capability"], compatibility):
            raise ServingError(
                f"the plans were built on {built['gpu']} (compute capability {built['compute_capability']}, hardware "
                f"compatibility {compatibility}), but {name} here has {capability}: {rebuild}"
            )
    if tensorrt and not built["options"]["version_compatible"] and not _same_version(tensorrt, built["tensorrt"]):
        raise ServingError(
            f"the plans were built with TensorRT {built['tensorrt']}, but {tensorrt} is here: {rebuild}, or build with "
            "--version-compatible"
        )


def _runs_on(here: str, built: str, compatibility: str) -> bool:
    if compatibility == "ampere_plus":
        return float(here) >= 8.0
    return here == built


def _same_version(here: str, built: str) -> bool:
    return here.split(".")[:3] == built.split(".")[:3]


def gpus_here() -> list[tuple[str, str]]:
    """List the name and compute capability of each GPU, as `nvidia-smi` says them; none without it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name,compute_cap", "--format=csv,noheader"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    rows = [line.rsplit(",", 1) for line in done.stdout.splitlines() if "," in line]
    return [(name.strip(), capability.strip()) for name, capability in rows] if done.returncode == 0 else []


def tensorrt_here() -> str | None:
    """Read TensorRT's version off its library's file name; None where there is no such library."""
    for folder in _LIBRARY_FOLDERS:
        for file in sorted(Path(folder).glob("libnvinfer.so.*.*.*")):
            if found := re.search(r"\.so\.(\d+\.\d+\.\d+)", file.name):
                return found[1]
    return None


def _tls_settings(folder: Path | None) -> TlsSettings | None:
    if folder is None or (folder / "plain-text").is_file():
        return None
    certificate, key, authority = (folder / name for name in ("server.crt", "server.key", "client-ca.crt"))
    missing = [file.name for file in (certificate, key) if not file.is_file()]
    if missing:
        raise UsageError(
            f"TLS: {folder} has no {' and no '.join(missing)}; "
            "to serve in plain text, leave VITRINE_TLS_FOLDER as it was"
        )
    require_private(key, "the server's TLS key")
    return TlsSettings(certificate, key, authority if authority.is_file() else None)


def _canary_tls(folder: Path) -> TlsFiles:
    """Name the files that our own questions show and trust; the health check uses them too."""
    if not (folder / "ca.crt").is_file():
        raise UsageError(f"TLS: {folder} has no ca.crt, by which the server's own questions trust its certificate")
    certificate, key = folder / "canary.crt", folder / "canary.key"
    missing = [file.name for file in (certificate, key) if not file.is_file()]
    if missing and (len(missing) == 1 or (folder / "client-ca.crt").is_file()):
        raise UsageError(
            f"TLS: {folder} has no {' and no '.join(missing)}, by which the server's own questions prove themselves "
            "(client-ca.crt asks for it): make both, signed by that authority"
        )
    if not missing:
        require_private(key, "the canary's TLS key")
    return TlsFiles(str(folder / "ca.crt"), *(() if missing else (str(certificate), str(key))))
