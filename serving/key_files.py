"""Checks that nobody else may read a file with a secret key."""

import os
import stat
from pathlib import Path

from serving.errors import UsageError


def require_private(file: Path, what: str) -> None:
    """Hold a file to what PostgreSQL asks of its keys: 0600, or 0640 where it is root's and we are not.

    Args:
        what: is in it, for people.

    Raises:
        UsageError: others may read or write it, or it cannot be looked at.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise UsageError(f"cannot read {what} in {file} ({error.strerror})") from error
    is_roots = found.st_uid == 0 and os.geteuid() != 0  # such as a container's secret, lent to our group
    forbidden = stat.S_IRWXO | (stat.S_IWGRP | stat.S_IXGRP if is_roots else stat.S_IRWXG)
    if stat.S_ISREG(found.st_mode) and found.st_mode & forbidden:
        raise UsageError(
            f"others may read or change {what} in {file} (mode {stat.S_IMODE(found.st_mode):04o}, but 0600 is "
            f"expected): chmod 600 {file}, and make a new key where others have had the time to read this one"
        )
