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
    _tokens: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By shop: requests that it may send now, and when that was so."""
    _now: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @contextmanager
    def one_request(self, shop: str) -> Iterator[None]:
        """Count a request while it runs.

        Raises:
            ProblemError: 429, too many a second or at a time.
        """
        now_s = time.monotonic()
        left, at_s = self._tokens.get(shop, (float(self.rate_per_s), now_s))
        left = min(float(self.rate_per_s), left + (now_s - at_s) * self.rate_per_s)
        if left < 1 or self._now[shop] >= self.under_way:
            self._tokens[shop] = left, now_s
            raise ProblemError(429, "more requests than this shop may send: ask again in a second", retry_after_s=1)
        self._tokens[shop] = left - 1, now_s
        self._now[shop] += 1
        try:
            yield
        finally:
            self._now[shop] -= 1
