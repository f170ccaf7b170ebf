"""Seconds that a call may take."""

import time
from collections.abc import Callable
from numbers import Real

from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import quote

LONGEST_TIMEOUT_S = 86_400.0
"""gRPC takes a deadline that is too far away for one that has passed."""
_LEAST_TIMEOUT_S = 0.001


def require_timeout(timeout_s: float) -> float:
    """Return `timeout_s` as a float.

    Raises:
        InvalidRequestError: no number of seconds, or one that gRPC does not take.
    """
    if not is_number(timeout_s) or not 0 < timeout_s <= LONGEST_TIMEOUT_S:
        raise InvalidRequestError(
            f"a timeout is a number of seconds, more than 0 and at most {LONGEST_TIMEOUT_S:,.0f}, but "
            f"{quote(timeout_s)} came"
        )
    return float(timeout_s)


def time_left(timeout_s: float) -> Callable[[], float]:
    """Start a deadline that several calls share; return a function that gives the seconds left, at least 0.001."""
    end_s = time.monotonic() + timeout_s
    return lambda: max(end_s - time.monotonic(), _LEAST_TIMEOUT_S)


def is_number(value: object) -> bool:
    """Tell whether a value is a real number; True and False are none."""
    return isinstance(value, Real) and not isinstance(value, bool)  # numpy's numbers are Real too
