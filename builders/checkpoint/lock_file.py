"""`checkpoints.lock.json`: for each checkpoint of the hub, the commit and the files that were taken the first time."""

import fcntl
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from builders.checkpoint.digests import write_whole
from builders.errors import BuildError, UsageError
from vitrine_steps.file_format import FIELD, FormatError, require_format

LOCK_FILE = "checkpoints.lock.json"
COMMIT = "[0-9a-f]{40}"
"""Pattern of a commit's name."""
_LOCK_FORMAT = 1
_CHECKPOINTS, _REVISION, _SHA256 = "checkpoints", "revision", "sha256"
_SHOWN = 3


@dataclass(frozen=True)
class Locked:
    """What one name of the hub stands for."""

    revision: str
    """Commit, 40 hexadecimal digits."""
    sha256: Mapping[str, str]
    """SHA-256 of each file that is loaded, in hexadecimal, by its name."""


def read_lock(file: Path) -> dict[str, Locked]:
    """Read a lock file.

    Returns:
        By the hub's name; none where there is no such file.

    Raises:
        UsageError: it cannot be read, is broken, or of another format.
    """
    restore = "restore it from version control, or delete it to record its checkpoints anew"
    try:
        content = json.loads(file.read_text("utf-8"))
        if not isinstance(content, dict):
            raise TypeError("a JSON object is expected")
        require_format(content, _LOCK_FORMAT, file=file, remedy=restore)
        return {str(hub_id): _locked(hub_id, entry) for hub_id, entry in content[_CHECKPOINTS].items()}
    except FileNotFoundError:
        return {}
    except FormatError as error:
        raise UsageError(str(error)) from error
    except OSError as error:
        raise UsageError(f"cannot read the lock file {file} ({error.strerror}): name another with --lock") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UsageError(f"{file} is no lock file ({type(error).__name__}: {error}): {restore}") from error


def _locked(hub_id: str, entry: dict[str, object]) -> Locked:
    revision, sha256 = entry[_REVISION], entry[_SHA256]
    if not isinstance(revision, str) or not re.fullmatch(COMMIT, revision):
        raise ValueError(f"the {_REVISION} of {hub_id} is not 40 hexadecimal digits")
    if not isinstance(sha256, dict) or not sha256:
        raise ValueError(f"{hub_id} has no {_SHA256} of its files")
    for name, digest in sha256.items():
        if not re.fullmatch("[0-9a-f]{64}", str(digest)):
            raise ValueError(f"the {_SHA256} of {hub_id}'s {name} is not 64 hexadecimal digits")
    return Locked(revision, sha256)


def require_recordable(file: Path) -> None:
    """
    Raises:
        UsageError: the lock file cannot be written, known before gigabytes are downloaded.
    """
    if not os.access(file.parent, os.W_OK):
        what = "cannot be written to" if file.parent.is_dir() else "is no folder"
        raise UsageError(f"--lock {file}: {file.parent} {what}, and what comes from the hub is recorded there")


def record(file: Path, hub_id: str, locked: Locked) -> None:
    """Write one checkpoint into the lock file, be it there or not; the others in it are kept.

    Raises:
        BuildError: it cannot be written; it is as it was.
        UsageError: what is there is no lock file.
    """
    try:
        folder = os.open(file.parent, os.O_RDONLY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # two builds may record at the same time; closing gives it back
            entries = read_lock(file) | {hub_id: locked}
            content = {
                FIELD: _LOCK_FORMAT,
                _CHECKPOINTS: {
                    name: {_REVISION: entry.revision, _SHA256: dict(entry.sha256)} for name, entry in entries.items()
                },
            }
            write_whole(file, (json.dumps(content, indent=2, sort_keys=True) + "\n").encode())
        finally:
            os.close(folder)
    except OSError as error:
        raise BuildError(f"cannot write the lock file {file} ({error.strerror}): name another with --lock") from error


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> str:
    """Say how files differ from those of a lock file, by their SHA-256; "" where they do not."""
    said = [f"{name} is missing" for name in sorted(expected.keys() - found.keys())]
    said += [f"{name} is not in it" for name in sorted(found.keys() - expected.keys())]
    said += [
        f"{name} has the SHA-256 {found[name]}, not {expected[name]}"
        for name in sorted(expected.keys() & found.keys())
        if found[name] != expected[name]
    ]
    more = [f"{len(said) - _SHOWN} more"] if len(said) > _SHOWN else []
    return "; ".join(said[:_SHOWN] + more)
