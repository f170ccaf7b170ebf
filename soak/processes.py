"""Memory, handles, threads and shared memory of the server's processes, sampled."""

import time
from dataclasses import dataclass

import psutil

from serving.processes import regions
from soak.server import Served

_MIB = 2**20
_BLOCK_BYTES = 512  # of st_blocks, see stat(2)


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


def sample(server: Served, start_s: float) -> Sample:
    launcher, triton = psutil.Process(server.process.pid), server.triton()
    memory: dict[str, float] = {}
    handles = threads = 0
    named = {"python -m serving": launcher, **({"tritonserver": triton} if triton else {}), **server.steps()}
    for name, process in named.items():
        try:
            with process.oneshot():
                memory[name] = process.memory_full_info().uss / _MIB
                handles += process.num_fds()
                threads += process.num_threads()
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
            continue
    sizes = [file.stat().st_blocks * _BLOCK_BYTES for file in regions(_prefix(server))]
    return Sample(time.monotonic() - start_s, memory, handles, threads, sum(sizes) / _MIB, len(sizes))


def _prefix(server: Served) -> str:
    """Of this server's regions only: every step has one's name on its command line."""
    for step in server.steps().values():
        try:
            found = next((word for word in step.cmdline() if word.startswith("vitrine-")), None)
        except psutil.Error:
            continue
        if found:
            return "-".join(found.split("-")[:2])
    return "vitrine-none"
