"""Photos that a store keeps: files named by their digests."""

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path

from vitrine_client.feedback.database import FeedbackError

_STRAY_S = 3600
"""Age from which a file that no question names was left by a process that died before it had written the question."""


def keep(photo: bytes, digest: str, folder: Path | None) -> Path:
    """Write a photo, whole or not at all.

    Raises:
        FeedbackError: no folder was named, or it cannot be written.
    """
    if folder is None:
        raise FeedbackError("no folder was named for photos: name one, or keep only the digest")
    file = folder.resolve() / digest
    partial = file.with_suffix(f".{os.getpid()}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as output:
            output.write(photo)
            output.flush()
            os.fsync(output.fileno())
        partial.rename(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise FeedbackError(f"the photo cannot be kept: {error.strerror}") from error
    return file


def remove(files: Iterable[str | None]) -> int:
    """Remove photos; returns how many there were."""
    there = [Path(file) for file in files if file and Path(file).is_file()]
    for file in there:
        file.unlink(missing_ok=True)
    return len(there)


def remove_strays(folder: Path | None, kept: Iterable[str | None]) -> None:
    """Remove old files of ours that no question names."""
    named = set(kept)
    for file in folder.iterdir() if folder and folder.is_dir() else ():
        is_ours = re.fullmatch(r"[0-9a-f]{64}(\.\d+)?", file.name)
        if is_ours and str(file.resolve()) not in named and time.time() - file.stat().st_mtime > _STRAY_S:
            file.unlink(missing_ok=True)
