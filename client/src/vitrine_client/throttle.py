"""Stops hammering a server that takes little: a share of the calls is then refused here, unsent.

The share grows with every call that is not taken, and shrinks with every one
that is. At five times what the server can do, under three times as much is
sent; through an outage about a fifth of the calls; and a second or two after
it everything again.
"""

import random
import threading
import time
from collections.abc import Callable

_GROWTH = 0.05
"""Of the share that is still sent, so much is refused more after a call that was not taken."""
_DECLINE = 0.1
"""Of the share that is refused, so much is sent again after a call that was."""
_HALF_LIFE_S = 3.0
"""Of the share that is refused, when nothing is heard."""


class Throttle:
    """What came of the last calls. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._draw = draw
        self._lock = threading.Lock()
        self._refused_share = 0.0
        self._at_s = clock()

    def may_send(self) -> bool:
        """Ask before every call."""
        with self._lock:
            self._fade()
            return self._draw() >= self._refused_share

    def note(self, *, was_taken: bool) -> None:
        """Tell what came of a call that was sent: taken is also one that was answered with an error."""
        with self._lock:
            self._fade()
            if was_taken:
                self._refused_share *= 1 - _DECLINE
            else:
                self._refused_share += _GROWTH * (1 - self._refused_share)

    def _fade(self) -> None:
        now_s = self._clock()
        self._refused_share *= 0.5 ** ((now_s - self._at_s) / _HALF_LIFE_S)
        self._at_s = now_s
