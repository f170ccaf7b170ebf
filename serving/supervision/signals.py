"""Turns signals that end a program into one exception, and keeps them out of clearing up."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

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
    before = _exchange([lambda number, _: came.append(number)] * len(ENDING))
    try:
        yield
    finally:
        _exchange(before)
        for number in dict.fromkeys(came):
            signal.raise_signal(number)


def _exchange(handlers: list[Any]) -> list[Any]:
    """Exchange the handlers all at once, for a signal between two would find one of each kind; return the old ones."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        return [signal.signal(ending, handler) for ending, handler in zip(ENDING, handlers, strict=True)]
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
