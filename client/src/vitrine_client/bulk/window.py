"""Number of photos under way: halved where the server refuses, and grown again with each answer."""

import asyncio
import time
from collections.abc import Callable

_LONGEST_WAIT_S = 5.0


class Window:
    """Room for calls of one event loop."""

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._most, self._size, self._under_way = most, float(most), 0
        self._clock = clock
        self._changed = asyncio.Condition()
        self.answered_s = clock()
        """Time of the last answer, by the clock."""

    @property
    def size(self) -> int:
        return int(self._size)

    async def __aenter__(self) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._under_way < self.size)
            self._under_way += 1

    async def __aexit__(self, *_: object) -> None:
        async with self._changed:
            self._under_way -= 1
            self._changed.notify_all()

    def note(self, *, was_taken: bool) -> None:
        """Tell what came of a call."""
        if was_taken:
            self.answered_s = self._clock()
            self._size = min(self._most, self._size + 1 / self._size)
        else:
            self._size = max(1.0, self._size / 2)

    def now_s(self) -> float:
        return self._clock()

    def silent_s(self) -> float:
        """Seconds since the last answer."""
        return self._clock() - self.answered_s


def wait_s(refusals: int) -> float:
    """Seconds to wait after the so many-th refusal of one call in a row."""
    return float(min(0.05 * 2.0 ** (refusals - 1), _LONGEST_WAIT_S))
