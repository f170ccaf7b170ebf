"""`python with_parent.py PARENT PROGRAM ...`: becomes a program that gets SIGTERM when the one that started it dies.

Even of SIGKILL (Linux, prctl(2)). It is a program, and no function between
fork and exec: gRPC's threads do not survive a fork, and some aborted in it.
The kernel goes by the thread that started it, so that must not end earlier.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def with_parent(command: list[str]) -> list[str]:
    """The command that ends with this process."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):  # it died before this was set
        sys.exit(1)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  what our own code names
