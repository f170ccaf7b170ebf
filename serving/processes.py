"""The processes of a running Triton: its Python steps, and their shared memory."""

from pathlib import Path

import psutil

SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory, not a temporary folder
_STUB = "/triton_python_backend_stub"
_LOST = (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD, psutil.STATUS_STOPPED)


def steps_of(triton: psutil.Process) -> dict[str, psutil.Process]:
    """Each instance of a Python step by its name, such as "image_encoder_0_1".

    Raises:
        psutil.Error: one has just ended.
    """
    commands = {step: step.cmdline() for step in triton.children(recursive=True)}
    # The Python backend names an instance last but one on its command line, which is short while the program is loaded.
    return {words[-2]: step for step, words in commands.items() if len(words) > 2 and words[0].endswith(_STUB)}


def is_alive(step: psutil.Process) -> bool:
    """Whether it runs, and was not stopped by a signal."""
    try:
        return step.is_running() and step.status() not in _LOST
    except psutil.NoSuchProcess:
        return False


def regions(prefix: str) -> list[Path]:
    """Regions of shared memory whose names begin so."""
    return [file for file in SHARED_MEMORY.glob(f"{prefix}*") if file.exists()]
