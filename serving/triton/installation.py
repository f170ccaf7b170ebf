"""Finds where the wheel keeps Triton, and makes a backend folder of it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import product
from pathlib import Path

from serving.errors import ServingError

TRITON_VERSION = "2.51.0"  # of nvidia-pytriton 0.7.0
_OWN_BACKENDS = Path(__file__).parent / "backends"
_ROOT = Path(__file__).parents[2]
_MODULES = tuple(
    Path("vitrine_steps") / file
    for file in (
        "__init__.py",
        "processor.py",
        "triton/__init__.py",
        "triton/engine_backend.py",
        "triton/heartbeat.py",
        "triton/plan.py",
        "triton/tensorrt_log.py",
    )
)
"""Modules of the steps' package that our own backends import."""


@dataclass(frozen=True)
class TritonInstallation:
    binary: Path
    library_path: str
    """Folders of shared libraries that the binary and the stub need, for LD_LIBRARY_PATH."""
    python_backend: Path
    python_stub: Path
    """The Python backend's process, for this very Python."""
    caches: Path


def find_installation() -> TritonInstallation:
    """Find the wheel's Triton.

    Raises:
        ServingError: no wheel, no stub for this Python, or a system library that is missing.
    """
    spec = find_spec("pytriton")
    if spec is None or spec.origin is None:
        raise ServingError("the package nvidia-pytriton, which carries Triton, is not installed: run `make setup`")
    root = Path(spec.origin).parent / "tritonserver"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    installation = TritonInstallation(
        binary=root / "bin" / "tritonserver",
        library_path=_library_path(root.parent.parent / "nvidia_pytriton.libs", Path(sys.base_prefix) / "lib", python),
        python_backend=root / "backends" / "python",
        python_stub=root / "python_backend_stubs" / python / "triton_python_backend_stub",
        caches=root / "caches",
    )
    if not installation.python_stub.exists():
        raise ServingError(f"the Triton wheel has no Python backend for Python {python}: use Python 3.11 or 3.12")
    _require_libraries(installation, python)
    return installation


def _library_path(wheel: Path, own: Path, python: str) -> str:
    """The wheel's libraries and, where Python came without the system (uv, conda, pyenv), its own `libpython`.

    Args:
        own: the folder where such a Python has its libraries.
        python: its version, such as "3.11".
    """
    return f"{wheel}:{own}" if (own / f"libpython{python}.so.1.0").exists() else str(wheel)


def _require_libraries(installation: TritonInstallation, python: str) -> None:
    command = ["ldd", str(installation.python_stub)]
    environment = {**os.environ, "LD_LIBRARY_PATH": installation.library_path}
    listed = subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout
    missing = [line.split()[0] for line in listed.splitlines() if "not found" in line]
    if missing:
        raise ServingError(
            f"Triton's Python backend needs {', '.join(missing)}, which this system lacks: install the Debian or "
            f"Ubuntu package libpython{python} (apt-get install libpython{python}), or use a Python with a shared "
            "library of its own, such as uv's"
        )


def make_backend_folder(installation: TritonInstallation, folder: Path) -> None:
    """Fill `folder` with the wheel's Python backend, its stub beside it, and our own backends.

    Raises:
        ServingError: no room, or no right to write there.
    """
    python = folder / "python"
    try:
        shutil.copytree(installation.python_backend, python)
        shutil.copy(installation.python_stub, python)
        shutil.copytree(_OWN_BACKENDS, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        for backend, module in product(_OWN_BACKENDS.iterdir(), _MODULES):
            copy = folder / backend.name / module
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(_ROOT / module, copy)
    except OSError as error:
        needed = sum(file.stat().st_size for file in installation.python_backend.rglob("*")) / 2**20
        why = error.strerror or "no room, or no right to write"  # what copytree raises lists every file
        raise ServingError(
            f"Triton's backends, {needed:.0f} MiB, cannot be copied to {folder} ({why}): make room there, or name "
            "another folder in TMPDIR"
        ) from error
