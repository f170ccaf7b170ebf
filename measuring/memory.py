"""Memory and CPU of a server's processes together, where it runs on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

_MIB = 2**20


@dataclass(frozen=True)
class Usage:
    """Memory and CPU time of some processes together."""

    memory_mib: float
    """Proportional set size, so that shared pages count once."""
    cpu_s: float
    """Seconds of CPU since they started."""


def process_tree(pid: int) -> list[psutil.Process]:
    """List a process and all below it.

    Raises:
        psutil.NoSuchProcess: it has ended.
    """
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]


def usage_of(processes: Sequence[psutil.Process]) -> Usage | None:
    """Add up what `processes` use; None where there are none, or one has ended."""
    try:
        memory_mib = sum(int(one.memory_full_info().pss) for one in processes) / _MIB
        times: list[Any] = [one.cpu_times() for one in processes]
    except psutil.Error:
        return None
    return Usage(memory_mib, sum(time.user + time.system for time in times)) if processes else None


def tree_memory_mib(pid: int) -> float:
    """Measure the memory of a process and all below it, in MiB of proportional set size.

    Raises:
        psutil.Error: one of them has ended.
    """
    return sum(int(one.memory_full_info().pss) for one in process_tree(pid)) / _MIB
