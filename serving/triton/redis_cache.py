"""Redis as the cache of photos' features, which several servers then share.

Several releases may share one: the builder puts the release into what Triton's
key is made of, and steps hold the features to it (builders/repository/cached_input.py).
"""

import re
from dataclasses import dataclass
from pathlib import Path

PASSWORD_VARIABLE = "TRITONCACHE_REDIS_PASSWORD"  # noqa: S105  a name
"""Environment variable from which Triton itself reads the password, so that no command line shows it."""
_CONNECT_TIMEOUT_MS, _ANSWER_TIMEOUT_MS = 1000, 500
_CONNECTIONS = 4


@dataclass(frozen=True)
class RedisAddress:
    host: str
    port: int


@dataclass(frozen=True)
class RedisSettings:
    """Place of the shared features."""

    address: RedisAddress
    authority: Path | None = None
    """PEM file of who has signed Redis's certificate, with which the way there is encrypted. None: plain text."""


def address_from_text(text: str) -> RedisAddress | None:
    """Read HOST:PORT of a Redis; an empty text stands for none.

    Raises:
        ValueError: it is neither.
    """
    if not text:
        return None
    found = re.fullmatch(r"([\w.-]+):(\d{1,5})", text, re.ASCII)
    if not found or not 0 < int(found[2]) < 2**16:
        raise ValueError(f"{text[:80]!r} came, but HOST:PORT of a Redis is expected, such as redis:6379")
    return RedisAddress(found[1], int(found[2]))


def redis_options(redis: RedisSettings) -> list[str]:
    """Write Triton's options; without the timeouts it would wait for Redis for ever."""
    values: dict[str, object] = {
        "host": redis.address.host,
        "port": redis.address.port,
        "connect_timeout": _CONNECT_TIMEOUT_MS,
        "socket_timeout": _ANSWER_TIMEOUT_MS,
        "pool_size": _CONNECTIONS,
    }
    if redis.authority:
        values["cacert"] = redis.authority.absolute()  # Triton starts in another folder
    return [f"--cache-config=redis,{name}={value}" for name, value in values.items()]
