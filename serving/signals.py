"""Signals that end a program: as one exception, and never in the middle of clearing up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def end_on_signals() -> None:
    """Let SIGTERM and SIGHUP raise KeyboardInterrupt, as SIGINT does, so that `with` blocks clear up.

    Under nohup, SIGHUP stays ignored.
    """
    for ending in ENDING:
        if (ending, signal.getsignal(ending)) != (signal.SIGHUP, signal.SIG_IGN):
            signal.signal(ending, _interrupt)


@contextmanager
def signals_put_off() -> Iterator[None]:
    """Let ending signals come after the block. Only the main thread can; in others this does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    came: list[int] = []
    before = [signal.signal(ending, lambda number, _: came.append(number)) for ending in ENDING]
    try:
        yield
    finally:
        for ending, handler in zip(ENDING, before, strict=True):
            signal.signal(ending, handler)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
