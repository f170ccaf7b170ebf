"""The folder of one running Triton, and clearing up after a launcher that was killed."""

import fcntl
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

from serving.processes import regions

PREFIX = "vitrine-triton-"
"""Of such folders' names, and of those of Triton's regions of shared memory."""
DOORS, HEARTBEATS = "doors", "heartbeats"


class WorkFolder:
    """Temporary files. As long as it is in use it is locked, which ends with this process, however that ends."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        self._lock = _locked(self.path)
        for name in (DOORS, HEARTBEATS):
            self.folder(name)

    @property
    def shm_prefix(self) -> str:
        """Of the names of Triton's regions of shared memory."""
        return f"{self.path.name}-"

    def folder(self, name: str) -> Path:
        """One that the steps look into. Made again where a cleaner of temporary files has taken it."""
        if not self.path.is_dir():
            os.close(self._lock)
            self.path.mkdir(mode=0o700)
            self._lock = _locked(self.path)
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def remove(self) -> None:
        _remove(self.path)
        os.close(self._lock)


def remove_left_over() -> None:
    """Remove what servers of this user left whose launcher was killed, shared memory included."""
    for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with suppress(OSError):  # gone meanwhile, or somebody else's
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                # One without doors is being made just now, and not locked yet.
                if os.fstat(lock).st_uid == os.geteuid() and (path / DOORS).is_dir():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(path)
            finally:
                os.close(lock)


def _locked(path: Path) -> int:
    lock = os.open(path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _remove(path: Path) -> None:
    for region in regions(f"{path.name}-"):
        region.unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
