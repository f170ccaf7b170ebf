"""The folder of one running Triton, and clearing up after a launcher that was killed."""

import fcntl
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from serving.triton.processes import regions

PREFIX = "vitrine-triton-"
"""Prefix of such folders' names, and of the names of Triton's regions of shared memory."""
_MADE_BY_MKDTEMP = f"{PREFIX}{'[a-z0-9_]' * 8}"
DRAIN_DIR, HEARTBEATS = "drain_dir", "heartbeats"
"""Folders in it, named like the environment variables by which the steps find them (VITRINE_DRAIN_DIR)."""
_UNUSED_AFTER_S = 60.0


class WorkFolder:
    """Folder of temporary files, locked while in use; the lock ends with this process, however that ends."""

    def __init__(self) -> None:
        self._environments = set(_environments())
        self.path = Path(tempfile.mkdtemp(prefix=PREFIX))
        try:
            self._lock = _lock_folder(self.path)
            for name in (DRAIN_DIR, HEARTBEATS):
                self.folder(name)
        except OSError:
            shutil.rmtree(self.path, ignore_errors=True)
            raise

    @property
    def shm_prefix(self) -> str:
        """Prefix of the names of Triton's regions of shared memory."""
        return f"{self.path.name}-"

    def folder(self, name: str) -> Path:
        """Return a folder that the steps look into, made again where a cleaner of temporary files has taken it."""
        if not self.path.is_dir():
            self.path.mkdir(mode=0o700)
            gone, self._lock = self._lock, _lock_folder(self.path)
            os.close(gone)
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def remove(self) -> None:
        _remove(self.path)
        for environment in set(_environments()) - self._environments:
            with suppress(OSError):  # not empty, or somebody else's
                environment.rmdir()
        os.close(self._lock)


def shm_prefix_of(step: psutil.Process) -> str | None:
    """Return the prefix of the shared memory of a step's server, read off the step's command line; None: it names none.

    Raises:
        psutil.Error: it has ended.
    """
    matches = (re.match(rf"{PREFIX}[^-]+-", word) for word in step.cmdline())
    return next((match[0] for match in matches if match), None)


def remove_left_over() -> None:
    """Remove what servers of this user left whose launcher was killed, with the shared memory of their folders."""
    for path in Path(tempfile.gettempdir()).glob(_MADE_BY_MKDTEMP):
        with suppress(OSError):  # gone meanwhile, or somebody else's
            lock = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_DIRECTORY)
            try:
                # One without this folder is being made just now, and not locked yet, or is none of ours.
                if os.fstat(lock).st_uid == os.geteuid() and (path / DRAIN_DIR).is_dir():
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    _remove(path)
            finally:
                os.close(lock)
    for environment in _environments():
        with suppress(OSError):  # gone meanwhile, not empty, or somebody else's
            if time.time() - environment.stat().st_mtime > _UNUSED_AFTER_S:
                environment.rmdir()


def _environments() -> Iterator[Path]:
    """List folders that Triton's Python backend makes at each start, and fills only where environments come packed."""
    return Path("/tmp").glob("python_env_*")  # noqa: S108  whatever TMPDIR says


def _lock_folder(path: Path) -> int:
    lock = os.open(path, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def _remove(path: Path) -> None:
    for region in regions(f"{path.name}-"):
        region.unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)
