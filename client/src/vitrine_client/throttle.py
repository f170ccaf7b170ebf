"""Throttle of calls to a server that takes few: a share of them is refused here, unsent.

Callers see a `ServerUnavailableError` with the code UNAVAILABLE, `was_sent` False and a message that begins with "not
sent". A transport that is made with `retries=False` has no throttle. Why it is on by default: docs/adr/0014.

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
"""After a call that no server took, refuse this further fraction of what is still being sent."""
_DECLINE = 0.1
"""After a call that a server took, send this fraction of what is being refused again."""
_HALF_LIFE_S = 3.0
"""Seconds in which the refused share halves when nothing is heard."""


class Throttle:
    """Memory of what came of the last calls. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._draw = draw
        self._lock = threading.Lock()
        self._refused_share = 0.0
        self._at_s = clock()

    def may_send(self) -> bool:
        """Decide whether a call may be sent; ask before every one."""
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
