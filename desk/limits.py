"""How much a shop may send: requests a second, requests at a time, bytes, and seconds to send them in."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from desk.problems import ProblemError


@dataclass
class ShopLimits:
    """Rates and requests under way, by shop. Used from one event loop."""

    rate_per_s: int
    under_way: int
    waiting: int = 512
    """Requests of one shop that wait for a person, beside those."""
    _tokens: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By shop: requests that it may send now, and when that was so."""
    _now: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @contextmanager
    def one_request(self, shop: str, *, waits: bool = False) -> Iterator[None]:
        """Count a request while it runs.

        Args:
            waits: whether it waits for a person: it keeps nobody else from asking or answering.

        Raises:
            ProblemError: 429, too many a second or at a time.
        """
        now_s = time.monotonic()
        left, at_s = self._tokens.get(shop, (float(self.rate_per_s), now_s))
        left = min(float(self.rate_per_s), left + (now_s - at_s) * self.rate_per_s)
        counted, most = (f"{shop} waits", self.waiting) if waits else (shop, self.under_way)
        if left < 1 or self._now[counted] >= most:
            self._tokens[shop] = left, now_s
            raise ProblemError(429, "more requests than this shop may send: ask again in a second", retry_after_s=1)
        self._tokens[shop] = left - 1, now_s
        self._now[counted] += 1
        try:
            yield
        finally:
            self._now[counted] -= 1
