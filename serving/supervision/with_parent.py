"""`python with_parent.py PARENT PROGRAM ...`: becomes a program that dies with the one that started it.

Even when that is killed (Linux, prctl(2)). All that the program has started
dies with it too: Triton's Python steps outlive it where they have not loaded
yet. It is a program, and no function between fork and exec: gRPC's threads do
not survive a fork, and some aborted in it. The kernel goes by the thread that
started it, so that must not end earlier.
"""

import ctypes
import os
import signal
import sys
import time

_PR_SET_PDEATHSIG = 1
_WATCH = "--watch"
_TRIES, _TRY_AGAIN_S = 20, 0.11


def with_parent(command: list[str]) -> list[str]:
    """Return a command that ends with this process. It must be started in a session of its own, all of which ends."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _ask_for_signal(number: signal.Signals, *, when_ends: int) -> bool:
    """Ask the kernel for a signal when the parent ends; return whether the parent, of that id, was still there."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    return os.getppid() == when_ends


def _end_session_with(program: int) -> None:
    """Wait for the end of the program, which is our parent, and end the session's processes, ourselves included."""
    if os.getpgrp() != program:
        sys.exit("with_parent.py: not started in a session of its own")
    os.closerange(0, 3)  # what reads the program's output shall see its end
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
    if _ask_for_signal(signal.SIGUSR1, when_ends=program):
        signal.sigwait([signal.SIGUSR1])
    os.killpg(program, signal.SIGKILL)


def _keep_nice() -> None:
    """Give the session the niceness of this process: Linux weighs whole sessions, and processes within each only."""
    if (niceness := os.nice(0)) <= 0:
        return
    for _ in range(_TRIES):
        try:
            with open("/proc/self/autogroup", "w") as group:  # noqa: PTH123  starts with little
                group.write(str(niceness))
        except BlockingIOError:  # Linux lets all but root do so ten times a second, whoever it is
            time.sleep(_TRY_AGAIN_S)  # then it takes one again
        except OSError:  # it does not weigh sessions
            return
        else:
            return


def _become(program: list[str], parent: int) -> None:
    if not _ask_for_signal(signal.SIGKILL, when_ends=parent):
        sys.exit(1)
    _keep_nice()
    ours = str(os.getpid())
    if os.fork() == 0:
        # Anew, for the program's arguments, which may hold a secret, must not be seen in the watcher's.
        os.execv(sys.executable, [sys.executable, "-I", "-S", __file__, _WATCH, ours])  # noqa: S606  as below
    try:
        os.execvp(program[0], program)  # noqa: S606  what our own code names
    except OSError as error:
        sys.exit(f"error: cannot start {program[0]} ({error.strerror})")


if __name__ == "__main__":
    if sys.argv[1] == _WATCH:
        _end_session_with(int(sys.argv[2]))
    else:
        _become(sys.argv[2:], int(sys.argv[1]))
