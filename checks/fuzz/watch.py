"""Watches whether a process of a running server ends."""

from collections.abc import Callable

import psutil

Problem = Callable[[], object]
"""Function that says what is wrong with the processes; None: nothing."""


def no_process_watched() -> str | None:
    """Watch nothing: the processes of a server elsewhere cannot be seen."""
    return None


def watch_process(pid: int) -> Problem:
    """Watch a process and all below it, such as `python -m serving`, its Triton, and the steps.

    Raises:
        ValueError: there is no such process.
    """
    try:
        root = psutil.Process(pid)
        processes = [root, *root.children(recursive=True)]
        names = {process: process.name() for process in processes}
    except psutil.Error as error:
        raise ValueError(f"no process {pid} is to be seen here: name the server's") from error

    def problem() -> str | None:
        for process, name in names.items():
            if not process.is_running() or process.status() == psutil.STATUS_ZOMBIE:
                return f"the process {process.pid} ({name}) has ended"
        return None

    return problem
