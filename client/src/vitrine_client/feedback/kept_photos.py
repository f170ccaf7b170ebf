"""Photos that a store keeps: files named by their digests, in one folder."""

import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

from vitrine_client.feedback.database import FeedbackError


def keep(photo: bytes, digest: str, folder: Path) -> None:
    """Write a photo, whole or not at all, and so that a power cut leaves it there.

    Raises:
        FeedbackError: it cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        number, partial = tempfile.mkstemp(prefix=f"{digest}.", dir=folder)
        try:
            with open(number, "wb") as output:  # noqa: PTH123  a descriptor
                output.write(photo)
                output.flush()
                os.fsync(output.fileno())
            Path(partial).rename(folder / digest)
        except BaseException:
            Path(partial).unlink(missing_ok=True)
            raise
        _flush_folder(folder)
    except OSError as error:
        raise FeedbackError(f"the photo cannot be kept: {error.strerror}") from error


def remove(digests: Iterable[str], folder: Path | None) -> int:
    """Remove photos, and what a killed process left of them; returns how many photos there were.

    Raises:
        FeedbackError: no folder was named or it is not there, although photos were kept; or one cannot be removed.
    """
    wanted, count = set(digests), 0
    if not wanted:
        return 0
    if folder is None or not folder.is_dir():
        raise FeedbackError("photos of these questions were kept, but their folder is not there: name it")
    try:
        for digest in wanted:
            count += (folder / digest).is_file()
            for file in folder.glob(f"{digest}*"):
                file.unlink(missing_ok=True)
        _flush_folder(folder)
    except OSError as error:
        raise FeedbackError(f"a kept photo cannot be removed: {error.strerror}") from error
    return count


def _flush_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
