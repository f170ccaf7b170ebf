"""Decides when a server that has ended is started again: at once, then with growing waits, slowly in a crash loop."""

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class RestartPolicy:
    most: int = 5
    """Number of restarts within `within_s` that are normal; one more is a crash loop."""
    within_s: float = 600.0
    first_delay_s: float = 1.0
    """Wait before the second restart, in seconds, doubled for each further one. The first one does not wait."""
    slow_delay_s: float = 60.0
    """Wait before each restart in a crash loop, in seconds."""


class Restarts:
    """History of one server's restarts, by times that are given: no clock is read here.

    A crash loop begins with a restart too many, and ends when none was needed for `within_s`.
    """

    def __init__(self, policy: RestartPolicy) -> None:
        self.policy = policy
        self.is_crash_loop = False
        self._ended_s: deque[float] = deque()

    def next_delay_s(self, now_s: float) -> float:
        """Return how many seconds to wait before the restart that is needed now."""
        self._forget(now_s)
        recent = len(self._ended_s)
        self.is_crash_loop = self.is_crash_loop or recent >= self.policy.most
        if self.is_crash_loop:
            return self.policy.slow_delay_s
        return 0.0 if recent == 0 else min(self.policy.first_delay_s * 2.0 ** (recent - 1), self.policy.slow_delay_s)

    def note(self, now_s: float) -> None:
        """Note that a restart has just ended, well or not."""
        self._ended_s.append(now_s)

    def calms(self, now_s: float) -> bool:
        """Return whether a crash loop has just ended; True once for each."""
        self._forget(now_s)
        if not self.is_crash_loop or self._ended_s:
            return False
        self.is_crash_loop = False
        return True

    def _forget(self, now_s: float) -> None:
        while self._ended_s and now_s - self._ended_s[0] > self.policy.within_s:
            self._ended_s.popleft()
