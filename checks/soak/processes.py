"""Memory, handles, threads and shared memory of the server's processes, sampled."""

import time
from contextlib import suppress
from dataclasses import dataclass

import psutil

from serving.server_process import Served
from serving.supervision.work_folder import PREFIX, shm_prefix_of
from serving.triton.processes import regions

_MIB = 2**20
_BLOCK_BYTES = 512  # of st_blocks, see stat(2)


@dataclass(frozen=True)
class Sample:
    at_s: float
    memory_mib: dict[str, float]
    """Memory of each process alone (USS), by its name."""
    handles: int
    """Open files and sockets, of all."""
    threads: int
    shared_mib: float
    """Shared memory of this server, in MiB."""
    regions: int


def sample(server: Served, start_s: float) -> Sample:
    memory: dict[str, float] = {}
    handles = threads = 0
    for name, process in server.tree().items():
        try:
            with process.oneshot():
                memory[name] = process.memory_full_info().uss / _MIB
                handles += process.num_fds()
                threads += process.num_threads()
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it has just ended
            continue
    sizes = []
    for region in regions(_prefix(server)):
        with suppress(FileNotFoundError):  # in the middle of a restart
            sizes.append(region.stat().st_blocks * _BLOCK_BYTES)
    return Sample(time.monotonic() - start_s, memory, handles, threads, sum(sizes) / _MIB, len(sizes))


def _prefix(server: Served) -> str:
    """Return the prefix of the names of this server's regions."""
    for step in server.steps().values():
        with suppress(psutil.Error):
            if prefix := shm_prefix_of(step):
                return prefix
    return f"{PREFIX}none-"
