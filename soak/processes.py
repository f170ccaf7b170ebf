"""Memory, handles, threads and shared memory of the server's processes, sampled."""

import time
from dataclasses import dataclass
from pathlib import Path

import psutil

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory
_MIB = 2**20


@dataclass(frozen=True)
class Sample:
    at_s: float
    memory_mib: dict[str, float]
    """Of each process its own (USS), by its name."""
    handles: int
    """Open files and sockets, of all."""
    threads: int
    shared_mib: float
    """All regions of shared memory of ours."""
    regions: int


def sample(launcher: psutil.Process, start_s: float) -> Sample:
    memory: dict[str, float] = {}
    handles = threads = 0
    for process in [launcher, *launcher.children(recursive=True)]:
        try:
            with process.oneshot():
                memory[_name(process)] = process.memory_full_info().uss / _MIB
                handles += process.num_fds()
                threads += process.num_threads()
        except (psutil.NoSuchProcess, psutil.AccessDenied, IndexError):  # it has just ended
            continue
    regions = [file.stat().st_blocks * 512 for file in _regions()]
    return Sample(time.monotonic() - start_s, memory, handles, threads, sum(regions) / _MIB, len(regions))


def _regions() -> list[Path]:
    return [file for file in _SHARED_MEMORY.glob("vitrine-*") if file.exists()]


def _name(process: psutil.Process) -> str:
    """Of a step its instance, which the Python backend names last but one on its command line."""
    command = process.cmdline()
    if "stub" in process.name():
        return command[-2]
    return "tritonserver" if "triton" in process.name() else "python -m serving"
