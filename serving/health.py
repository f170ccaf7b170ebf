"""`python -m serving.health`: what the supervisor of a running server says of it, also while Triton is down."""

import json
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Annotated, Any

from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument
from serving.errors import ServingError

_TIMEOUT_S = 5.0


def _address(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError(f"{text[:80]!r} came, but an address such as http://localhost:8002/health is expected")
    return text


@dataclass(frozen=True)
class HealthOptions:
    """Say what the supervisor says of its server: ready, starting, restarting, or in a crash loop.

    Example: python -m serving.health http://localhost:8002/health

    Exit status: 0 questions are answered, 1 they are not, 2 wrong usage.
    """

    url: Annotated[str, Argument(_address, is_positional=True)] = "http://localhost:8002/health"
    """Address of the supervisor's page."""


def main() -> int:
    options = options_from_arguments(HealthOptions, "python -m serving.health")
    health = read_health(options.url)
    print(words(health))
    return 0 if health["ready"] else 1


def read_health(url: str) -> dict[str, Any]:
    """Read the health page of a supervisor.

    Raises:
        ServingError: no supervisor is there.
    """
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT_S) as page:  # noqa: S310  the user names it
            content = page.read()
    except urllib.error.HTTPError as error:  # 503 where it is not ready
        content = error.read()
    except (OSError, ValueError) as error:
        raise ServingError(f"no supervisor at {url} ({error}): is the server up, and with metrics?") from error
    try:
        health = json.loads(content)
        return {name: health[name] for name in ("ready", "state", "crash_loop", "restarts", "next_try_in_s")}
    except (ValueError, KeyError, TypeError) as error:
        raise ServingError(f"what is at {url} is no supervisor's page: name its /health") from error


def words(health: dict[str, Any]) -> str:
    """Write the health page as one line for people."""
    count = health["restarts"]
    restarts = f"{count} restart{'s' * (count > 1)} since it was started" if count else "never restarted"
    loop = "; restarts do not help: one is tried a minute, see its standard error and Triton's log"
    wait = f"; the next try is {health['next_try_in_s']:g} s after the last one" if health["next_try_in_s"] else ""
    return f"{health['state']}; {restarts}{wait}{loop if health['crash_loop'] else ''}"


if __name__ == "__main__":
    sys.exit(exit_status(main))
