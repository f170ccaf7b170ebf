"""Finds the processes of a running Triton: its Python steps, and their shared memory."""

import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import psutil

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory, not a temporary folder
_STUB = "/triton_python_backend_stub"
_LAST_THREAD_S = 5.0
_STATE, _FLAGS = 0, 6  # fields of /proc/PID/stat after the name in brackets, see proc(5): 3 and 9
_ENDED = "ZX"
_PF_EXITING = 0x4  # see the kernel's include/linux/sched.h
_LOST = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD, psutil.STATUS_STOPPED)


def steps_of(triton: psutil.Process) -> dict[str, psutil.Process]:
    """Find each instance of a Python step by its name, such as "image_encoder_0_1".

    Raises:
        psutil.Error: one has just ended.
    """
    commands = {step: step.cmdline() for step in triton.children(recursive=True)}
    # The Python backend names an instance last but one on its command line, which is short while the program is loaded.
    return {words[-2]: step for step, words in commands.items() if len(words) > 2 and words[0].endswith(_STUB)}


def is_alive(step: psutil.Process) -> bool:
    """Return whether a step runs, and was not stopped by a signal."""
    try:
        return step.is_running() and step.status() not in _LOST
    except psutil.NoSuchProcess:
        return False


def runs(process: subprocess.Popen[bytes]) -> bool:
    """Return whether a process of many threads has not ended, and is not on its way out.

    What is to end with it goes by its first thread (see `with_parent.py`), and so may be gone some time before its last
    thread is, and it can be waited for.
    """
    if process.returncode is not None:
        return False
    try:
        fields = Path(f"/proc/{process.pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return False
    return fields[_STATE] not in _ENDED and not int(fields[_FLAGS]) & _PF_EXITING


def end_of(triton: subprocess.Popen[bytes]) -> str | None:
    """Say how Triton ended, in words; None: it runs."""
    if runs(triton):
        return None
    with suppress(subprocess.TimeoutExpired):
        triton.wait(_LAST_THREAD_S)
    if triton.returncode is None:
        return "Triton comes to no end"
    names = [number.name for number in signal.Signals if number == -triton.returncode]
    return f"Triton ended with status {triton.returncode}{f' ({names[0]})' if names else ''}"


def regions(prefix: str) -> list[Path]:
    """List regions of shared memory whose names begin with a prefix."""
    return [file for file in SHARED_MEMORY.glob(f"{prefix}*") if file.exists()]
