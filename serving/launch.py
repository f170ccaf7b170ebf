"""What becomes one Triton process."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.command import ServerSettings, embedded_command
from serving.installation import find_installation, make_backend_folder

MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(4 * 2**20),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**20),
}
"""How glibc keeps what was freed, where the environment does not say.

Of itself it keeps some for each of many threads, and, after one large photo, up to 64 MiB of the like for the next:
under load memory grew for hours, in steps of some MiB.
"""


@dataclass(frozen=True)
class Launch:
    command: list[str]
    environment: dict[str, str]
    log_file: Path | None
    """None: standard output."""


LaunchFrom = Callable[[ServerSettings, Path, str, str], Launch]
"""From settings, a folder for temporary files, the prefix of shared memory's names, and the key of administration."""


def embedded_launch(settings: ServerSettings, work: Path, shm_prefix: str, admin_key: str) -> Launch:
    """The wheel's Triton, on a bare machine."""
    installation = find_installation()
    make_backend_folder(installation, work / "backends")
    command = embedded_command(
        settings, installation, backends=work / "backends", shm_prefix=shm_prefix, admin_key=admin_key
    )
    environment = {
        "LD_LIBRARY_PATH": str(installation.libraries),
        # A Python step finds its packages through the first python3 on the path.
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    return Launch(command, environment, settings.log_file)
