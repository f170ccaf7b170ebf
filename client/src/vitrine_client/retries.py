"""Retries of calls that no server took: as long as the deadline allows, and never as a flood.

A server that takes nothing at all is down: until it takes something again, all calls of a connection together send it
two a second, and the others wait, within their deadlines. One that takes some calls and refuses others is overloaded:
there each call that is sent again is paid for from a budget, which answers fill.
"""

import random
import threading
import time
from collections.abc import Callable

_FIRST_BACKOFF_S = 0.1
_LONGEST_BACKOFF_S = 0.5
_PROBE_EVERY_S = 0.5
_REFUSALS = 5
"""Refusals in a row after which the server is taken to be down, if also ..."""
_SILENCE_S = 0.25
"""... no call was taken for so many seconds."""
_MOST_TOKENS = 1000.0
"""Calls that may be sent again before any budget is earned."""
_TOKENS_A_TAKEN_CALL = 0.1


class Retries:
    """Knowledge of a server that the calls of one connection share. Safe to use from many threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, draw: Callable[[], float] = random.random) -> None:
        self.clock = clock
        self._draw = draw
        self._lock = threading.Lock()
        self._tokens = _MOST_TOKENS
        self._refusals = 0
        self._taken_s = clock()
        self._probe_s = 0.0

    def is_down(self) -> bool:
        with self._lock:
            return self._is_down()

    def turn_s(self) -> float:
        """Ask before a call is sent. 0: send it now; else ask again after so many seconds."""
        with self._lock:
            now_s = self.clock()
            if not self._is_down():
                return 0.0
            if now_s >= self._probe_s:
                self._probe_s = now_s + _PROBE_EVERY_S
                return 0.0
            # Not all at one moment: when the server is back, they come spread over half a second.
            return max(self._probe_s - now_s, 0.01) + self._draw() * _PROBE_EVERY_S / 2

    def backoff_s(self, attempts: int) -> float | None:
        """Ask after a call was refused for the `attempts`-th time: seconds to wait; None: the budget is used up."""
        with self._lock:
            if not self._is_down():
                if self._tokens < 1:
                    return None
                self._tokens -= 1
            longest_s = min(_FIRST_BACKOFF_S * 2.0 ** (attempts - 1), _LONGEST_BACKOFF_S)
            return longest_s * (0.5 + self._draw() / 2)

    def note(self, *, was_taken: bool) -> float | None:
        """Tell what came of a call that was sent: taken is also one that was answered with an error.

        Returns:
            For how many seconds the server had been down, if this call shows that it is so no longer.
        """
        with self._lock:
            if not was_taken:
                self._refusals += 1
                return None
            now_s = self.clock()
            down_s = now_s - self._taken_s if self._is_down() else None
            self._taken_s, self._refusals = now_s, 0
            self._tokens = min(self._tokens + _TOKENS_A_TAKEN_CALL, _MOST_TOKENS)
            return down_s

    def _is_down(self) -> bool:
        return self._refusals >= _REFUSALS and self.clock() - self._taken_s >= _SILENCE_S
