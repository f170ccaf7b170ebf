"""Memory of a server's processes together."""

import psutil


def tree_memory_mib(pid: int) -> float:
    """Proportional set size of a process and all below it, so that shared pages count once."""
    process = psutil.Process(pid)
    tree = [process, *process.children(recursive=True)]
    return sum(int(one.memory_full_info().pss) for one in tree) / 2**20
