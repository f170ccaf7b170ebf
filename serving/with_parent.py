"""`python with_parent.py PROGRAM ...`: becomes a program that gets SIGTERM when the one that started it dies.

Even of SIGKILL (Linux, prctl(2)). It is a program, and no function between
fork and exec: gRPC's threads do not survive a fork, and some aborted in it.
"""

import ctypes
import os
import signal
import sys

WITH_PARENT = [sys.executable, "-I", "-S", __file__]
_PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  what our own code names
