"""Stops hammering a server that takes next to nothing: a share of the calls is then refused here, unsent.

The share is that of Google's SRE book, "Handling Overload" (client-side
throttling): a client sends about twice what is taken, and nothing is refused
while the server takes at least half. One call a second is always sent, and
its success after an outage opens the way at once.
"""

import math
import random
import threading
import time
from collections.abc import Callable

_MEMORY_S = 5.0
_SENT_FOR_EACH_TAKEN = 2.0
_ALWAYS_SENT = 10.0
"""Calls of late that may fail before any is refused here."""
_PROBE_EVERY_S = 1.0


class Throttle:
    """What came of the calls of the last seconds. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random) -> None:
        self._clock = clock
        self._draw = draw
        self._lock = threading.Lock()
        self._at_s = self._sent_s = clock()
        self._ended = 0.0
        self._taken = 0.0

    def may_send(self) -> bool:
        """Ask before every call. A call that may not be sent counts as one that was not taken."""
        with self._lock:
            now_s = self._forget()
            share = (self._ended - _SENT_FOR_EACH_TAKEN * self._taken - _ALWAYS_SENT) / (self._ended + 1)
            if share <= 0 or self._draw() >= share or now_s - self._sent_s >= _PROBE_EVERY_S:
                self._sent_s = now_s
                return True
            self._ended += 1
            return False

    def note(self, *, was_taken: bool) -> None:
        """Tell what came of a call that was sent: taken is also one that was answered with an error."""
        with self._lock:
            self._forget()
            if was_taken and self._taken < 0.5:  # the first after an outage
                self._ended = self._taken = 0.0
            self._ended += 1
            self._taken += was_taken

    def _forget(self) -> float:
        now_s = self._clock()
        kept = math.exp((self._at_s - now_s) / _MEMORY_S)
        self._ended, self._taken, self._at_s = self._ended * kept, self._taken * kept, now_s
        return now_s
