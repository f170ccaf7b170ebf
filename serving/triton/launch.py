"""Makes the command and the environment of one Triton process."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from serving.triton.command import ServerSettings, embedded_command
from serving.triton.installation import find_installation, make_backend_folder
from serving.triton.rtx_card import require_card

MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": str(256 * 2**10),
    "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20),
}
"""Settings of how glibc keeps freed memory, where the environment does not say.

Of itself it keeps some for each of many threads, and raises both thresholds after one large photo: under load memory
grew for hours, in steps of some MiB. So: two arenas; large buffers, such as photos' pixels, are given back at once, and
do not split up the heap (from 4 MiB on only, each image_preprocess grew by 3 MiB in half an hour; from 256 KiB on, one
by 1 MiB and the other by none; a question about a new photo takes 26 ms instead of 25); what a burst of requests took
(Triton: 30 MiB for 400 at once) is kept for the next one rather than given back and taken again.
"""


@dataclass(frozen=True)
class Launch:
    command: list[str]
    environment: dict[str, str]
    log_file: Path | None
    """File that it logs to; None: standard output."""


LaunchFrom = Callable[[ServerSettings, Path, str, str], Launch]
"""Function of settings, a folder for temporary files, the prefix of shared memory's names, and the admin key."""


def embedded_launch(settings: ServerSettings, work: Path, shm_prefix: str, admin_key: str) -> Launch:
    """The wheel's Triton, on a bare machine."""
    installation = find_installation()
    require_card(settings.repository)
    make_backend_folder(installation, work / "backends")
    command = embedded_command(
        settings, installation, backends=work / "backends", shm_prefix=shm_prefix, admin_key=admin_key
    )
    environment = {
        "LD_LIBRARY_PATH": installation.library_path,
        # A Python step finds its packages through the first python3 on the path.
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}",
    }
    return Launch(command, environment, settings.log_file)
