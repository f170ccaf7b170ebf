"""Triton's log: a file that others may turn over, or our own standard output."""

import fcntl
import os
import re
import stat
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, TextIO

from serving.errors import ServingError, UsageError

_NOT_LOADED = re.compile(r"failed to load '([^']+)' version \d+: (?:Internal: )?(.+?)(?:\\n|\"?$)")
"""Pattern of Triton's line about a model, whose further lines, a traceback, are written as \\n."""

_LAST_OWNER_S = 2.0
"""Time for the processes of a server that has just been killed to go."""
_POLL_S = 0.05

_OF_NO_GPU = re.compile("CudaDriverHelper|CUDA driver version|NVML")
"""Pattern of what Triton calls errors on each machine without a GPU."""


def open_log(file: Path, *, is_emptied: bool) -> IO[bytes]:
    """Open a log to append, so that what others cut short does not grow back with a hole in it.

    As long as it is open here, no other server takes it.

    Raises:
        UsageError: it cannot be written.
        ServingError: another server writes it.
    """
    try:
        log = file.open("ab")
    except OSError as error:
        raise UsageError(f"cannot write the log {file} ({error.strerror}): choose another with --log-file") from error
    if stat.S_ISREG(os.fstat(log.fileno()).st_mode):  # /dev/null is for all
        if not _is_ours(log):
            log.close()
            raise ServingError(
                f"another server writes the log {file}: choose another with --log-file, or stop that server"
            )
        if is_emptied:
            log.truncate(0)
    return log


def _is_ours(log: IO[bytes]) -> bool:
    end_s = time.monotonic() + _LAST_OWNER_S
    while True:
        try:
            fcntl.flock(log, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end_s:
                return False
            time.sleep(_POLL_S)
        except OSError:  # a file system that knows no locks
            return True
        else:
            return True


def is_same_file(log: IO[bytes], file: Path) -> bool:
    """Return whether an open log is still the file of that name: others may have moved it away."""
    try:
        return os.path.samestat(os.fstat(log.fileno()), file.stat())
    except OSError:
        return False


class Log:
    """Triton's log, which stays open from one run of Triton to the next."""

    def __init__(self) -> None:
        self.stream: IO[bytes] | None = None
        """Open file; None: not open, or standard output."""

    def open(self, file: Path | None, *, is_emptied: bool) -> IO[bytes] | None:
        """Open the log, or go on with the open one, unless others have moved it away.

        Args:
            file: None: standard output.

        Raises:
            UsageError, ServingError: see `open_log`.
        """
        if file and not (self.stream and is_same_file(self.stream, file)):
            self.close()
            self.stream = open_log(file, is_emptied=is_emptied)
        return self.stream

    def close(self) -> None:
        """Close it, so that another server may take it."""
        if self.stream:
            self.stream.close()
            self.stream = None


def copy_to_output(log: IO[bytes], logged: threading.Event) -> None:
    """Copy Triton's lines to our own standard output, a container's log. Lines that it does not take are lost."""
    for line in log:  # on and on, for Triton stands still when nobody reads
        logged.set()
        _write(sys.stdout, line)


def say(text: str, *, is_trouble: bool = False) -> None:
    """Print to standard output, trouble to standard error. A reader who has gone, or a full disk, ends nothing."""
    _write(sys.stderr if is_trouble else sys.stdout, f"{text}\n".encode("utf-8", "backslashreplace"))


def _write(stream: TextIO | None, line: bytes) -> None:
    if stream is None:  # it was closed before our start
        return
    with suppress(OSError):  # the line is lost
        stream.flush()  # and then past its buffer, which would try again at the end and fail the program
        os.write(stream.fileno(), line)


def size_of(file: Path | None) -> int:
    return file.stat().st_size if file and file.is_file() else 0


def reason_in(file: Path | None, start_byte: int, *, last: int = 8) -> str:
    """Say why which models did not load, or the last errors that a log has from a byte on, for people."""
    if file is None or not file.is_file():
        return "see its log"
    with file.open("rb") as log:
        log.seek(start_byte)
        lines = log.read().decode("utf-8", "replace").splitlines()
    models: dict[str, list[str]] = {}
    for not_loaded in filter(None, map(_NOT_LOADED.search, lines)):
        models.setdefault(not_loaded[2].replace('\\"', '"'), []).append(not_loaded[1])
    if models and not any("Stub process" in reason for reason in models):  # which says why in a line of its own
        reasons = (f"\n  {' and '.join(sorted(names))}: {reason}" for reason, names in models.items())
        return f"{file} says:{''.join(reasons)}"
    errors = [
        line
        for line in lines
        if (line.startswith("E") or "error:" in line.lower() or "what():" in line) and not _OF_NO_GPU.search(line)
    ]
    return f"{file} ends with these errors:\n" + "\n".join(errors[-last:]) if errors else f"{file} names no error"


def reason_of_envoy(file: Path | None, start_byte: int) -> str:
    """Say what Envoy last complained of, from a byte of a log on, for people."""
    if file is None or not file.is_file():
        return "see its log"
    with file.open("rb") as log:
        log.seek(start_byte)
        lines = log.read().decode("utf-8", "replace").splitlines()
    complaints = [line.rpartition("] ")[2] for line in lines if "][critical][" in line or "][error][" in line]
    return f"{file} says: {complaints[-1][:300]}" if complaints else f"{file} does not say why"
