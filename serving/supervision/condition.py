"""Keeps how a server fares, from its first start on: what its metrics and its health page say, and Triton cannot."""

import time
from dataclasses import dataclass

CAUSES = ("triton_crash", "step_died", "step_hung", "hang", "door_died", "start_failed")
"""Causes of a restart: Triton ended; a Python step ended or was stopped; one does not end its work; nothing is
answered, though all looks alive; the door in front of it ended; the start before it failed."""


@dataclass(frozen=True)
class Problem:
    """Reason for which a server has to be restarted."""

    cause: str
    """One of `CAUSES`."""
    words: str
    """One line for people."""

    def __str__(self) -> str:
        return self.words


class Condition:
    """The state of one server. Restarts of Triton set nothing of it back. One thread writes it, others may read."""

    def __init__(self) -> None:
        self.restarts = dict.fromkeys(CAUSES, 0)
        """Number of restarts by cause; a try that fails counts too."""
        self.recoveries = 0
        """Number of times that it was ready again after restarts."""
        self.is_crash_loop = False
        """Whether restarts have not helped, so that they are tried slowly."""
        self.delay_s = 0.0
        """Seconds that the next try waits; 0: no try is waiting."""
        self.started_at_s = time.time()
        self._state = "starting"
        self._since_s = time.monotonic()
        self._down_s = 0.0
        self._was_ready = False

    @property
    def state(self) -> str:
        """One of "starting", "ready", "restarting", "crash loop" and "stopping"."""
        return "crash loop" if self.is_crash_loop and self._state != "ready" else self._state

    @property
    def down_s(self) -> float:
        """Seconds in which it was to answer, and did not, since its first start ended."""
        is_down = self._was_ready and self._state == "restarting"
        return self._down_s + (time.monotonic() - self._since_s if is_down else 0.0)

    def become(self, state: str) -> None:
        """Change the state.

        Args:
            state: any but "crash loop", which the restarts tell.
        """
        if state == "ready" and self._state == "restarting" and self._was_ready:
            self.recoveries += 1
        self._down_s, self._since_s, self._state = self.down_s, time.monotonic(), state
        self._was_ready = self._was_ready or state == "ready"

    def count_restart(self, cause: str, *, delay_s: float, is_crash_loop: bool) -> None:
        """Count a restart that is about to be tried.

        Args:
            cause: one of `CAUSES`.
            delay_s: until the try, in seconds.
            is_crash_loop: whether restarts have not helped so far.
        """
        self.restarts[cause] += 1
        self.delay_s = delay_s
        self.is_crash_loop = is_crash_loop
        self.become("restarting")


def metrics_text(condition: Condition, *, is_up: bool) -> str:
    """Write the server's own metrics in the text format of Prometheus.

    Args:
        is_up: whether questions are answered at this moment.
    """
    by_cause = {f'{{cause="{cause}"}}': float(count) for cause, count in condition.restarts.items()}
    return "".join(
        [
            _family("vitrine_up", "gauge", "1: questions are answered; 0: it starts, restarts or stops", float(is_up)),
            _family("vitrine_restarts_total", "counter", "Restarts of Triton, by what made them necessary", by_cause),
            _family(
                "vitrine_crash_loop", "gauge", "1: restarts do not help, and are tried slowly", condition.is_crash_loop
            ),
            _family("vitrine_restart_delay_seconds", "gauge", "How long the next try is waited for", condition.delay_s),
            _family("vitrine_down_seconds_total", "counter", "Time without answers between starts", condition.down_s),
            _family("vitrine_start_time_seconds", "gauge", "When the supervisor started", condition.started_at_s),
        ]
    )


def _family(name: str, kind: str, what: str, values: float | dict[str, float]) -> str:
    by_labels = values if isinstance(values, dict) else {"": float(values)}
    samples = "".join(f"{name}{labels} {value:.15g}\n" for labels, value in by_labels.items())
    return f"# HELP {name} {what}\n# TYPE {name} {kind}\n{samples}"


def health(condition: Condition, *, is_up: bool) -> dict[str, object]:
    """Return the health page, a JSON object without any words of Triton's, which name files."""
    return {
        "ready": is_up,
        "state": condition.state if is_up or condition.state != "ready" else "restarting",
        "crash_loop": condition.is_crash_loop,
        "restarts": sum(condition.restarts.values()),
        "recoveries": condition.recoveries,
        "next_try_in_s": condition.delay_s,
    }
