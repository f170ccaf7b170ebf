"""When a server is restarted, what is said of it, and how the program ends that looks after it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client.parser import text_string_to_metric_families

import serving.supervision.supervisor
from serving.errors import ServingError, UsageError
from serving.supervision.condition import CAUSES, Condition, Problem, health, metrics_text
from serving.supervision.restart_policy import RestartPolicy, Restarts
from serving.supervision.server import EmbeddedServer
from serving.supervision.supervisor import serve_until_signal, supervise


class FakeServer:
    """Starts, is well until a signal comes, drains, and stops; each of it may go wrong."""

    def __init__(self, **goes_wrong: BaseException) -> None:
        self._goes_wrong = goes_wrong
        self.is_drained = True
        self.condition = Condition()

    def _do(self, what: str) -> None:
        if error := self._goes_wrong.get(what):
            raise error

    def __enter__(self) -> "FakeServer":
        self._do("start")
        return self

    def __exit__(self, *_: object) -> None:
        self._do("stop")

    def problem(self) -> Problem | None:
        raise KeyboardInterrupt

    def drain(self) -> bool:
        self._do("drain")
        return self.is_drained


def status(server: FakeServer) -> int:
    return serve_until_signal(cast(EmbeddedServer, server), lambda: None)


@pytest.mark.parametrize(
    ("goes_wrong", "expected"),
    [
        ({}, 0),
        ({"start": KeyboardInterrupt()}, 0),
        ({"start": ServingError("no libpython")}, 1),
        ({"start": UsageError("no such repository")}, 2),
        ({"drain": KeyboardInterrupt()}, 1),
        ({"stop": KeyboardInterrupt()}, 0),
        ({"drain": KeyboardInterrupt(), "stop": KeyboardInterrupt()}, 1),
    ],
)
def test_the_exit_status_tells_whether_all_was_answered(
    goes_wrong: dict[str, Any], expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        serving.supervision.supervisor, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0)
    )
    assert status(FakeServer(**goes_wrong)) == expected


def test_what_was_not_answered_in_time_is_told_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        serving.supervision.supervisor, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0)
    )
    server = FakeServer(stop=KeyboardInterrupt())
    server.is_drained = False
    assert status(server) == 1


CRASH = Problem("triton_crash", "Triton ended with status -11 (SIGSEGV)")


class Clock:
    """Time that passes only where somebody sleeps; then a signal comes."""

    def __init__(self, end_s: float) -> None:
        self.now_s = 0.0
        self._end_s = end_s

    def monotonic(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds
        if self.now_s > self._end_s:
            raise KeyboardInterrupt


class Crashing:
    """Has run for `runs_s` when it crashes, each time; a start may fail."""

    def __init__(self, clock: Clock, runs_s: Callable[[float], float], fails: bool = False) -> None:
        self.clock, self.runs_s, self.fails = clock, runs_s, fails
        self.condition = Condition()
        self.restarted_s: list[float] = []
        self.up_s: float | None = 0.0

    def problem(self) -> Problem | None:
        is_up = self.up_s is not None and self.clock.now_s - self.up_s < self.runs_s(self.clock.now_s)
        return None if is_up else CRASH

    def is_hung(self) -> bool:
        return False

    def stop_triton(self) -> None:
        self.up_s = None

    def restart(self) -> None:
        self.restarted_s.append(self.clock.now_s)
        if self.fails:
            raise ServingError("Triton ended with status 1 while starting")
        self.up_s = self.clock.now_s


def supervised(server: Crashing, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    said: list[str] = []
    monkeypatch.setattr(serving.supervision.supervisor, "time", server.clock)
    with pytest.raises(KeyboardInterrupt):
        supervise(cast(EmbeddedServer, server), said.append, RestartPolicy())
    return said


@pytest.mark.parametrize("fails", [False, True], ids=["it crashes as soon as it is up", "it does not come up"])
def test_a_crash_loop_goes_on_slowly_and_says_so_once(monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    server = Crashing(Clock(end_s=3600), lambda _: 0, fails)
    said = supervised(server, monkeypatch)
    waits = [after - before for before, after in zip(server.restarted_s, server.restarted_s[1:], strict=False)]
    assert [round(wait) for wait in waits[:5]] == [1, 2, 4, 8, 60]
    assert len(server.restarted_s) > 55, "an hour long"
    assert max(waits) < 61
    [line] = [line for line in said if line.startswith("crash loop")]
    assert "5 restarts in 10 minutes did not help" in line
    assert server.condition.is_crash_loop
    assert server.condition.delay_s == 60
    cause = "start_failed" if fails else "triton_crash"
    assert server.condition.restarts[cause] >= len(server.restarted_s) - 1
    assert health(server.condition, is_up=False)["state"] == "crash loop"


def test_after_a_calm_time_a_restart_is_at_once_again(monkeypatch: pytest.MonkeyPatch) -> None:
    crashes_until_s, again_s = 900.0, 2000.0

    def runs_s(now_s: float) -> float:
        return 0 if now_s < crashes_until_s or again_s < now_s < again_s + 1 else 1e9

    server = Crashing(Clock(end_s=2100), runs_s)
    said = supervised(server, monkeypatch)
    assert [again for again in server.restarted_s if again_s < again < again_s + 0.5], "at once"
    assert server.condition.delay_s == 0
    assert not server.condition.is_crash_loop
    assert [line.partition(":")[0] for line in said if "crash loop" in line or "at once again" in line] == [
        "crash loop", "it has run for 10 minutes",
    ]  # fmt: skip


def test_a_crash_each_three_minutes_is_no_crash_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Crashing(Clock(end_s=3600), lambda _: 180)
    supervised(server, monkeypatch)
    assert 18 <= server.condition.restarts["triton_crash"] <= 20
    assert not server.condition.is_crash_loop


def test_a_hang_that_became_a_crash_meanwhile_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Crashing(Clock(end_s=20), lambda now_s: 1e9)

    def ends() -> bool:
        server.runs_s = lambda _: 0
        return True

    monkeypatch.setattr(server, "is_hung", ends)
    supervised(server, monkeypatch)
    assert server.condition.restarts["hang"] == 0
    assert server.condition.restarts["triton_crash"] > 0


def test_restarts_wait_longer_each_time_and_then_the_same() -> None:
    restarts = Restarts(RestartPolicy(most=4, within_s=600, first_delay_s=1, slow_delay_s=60))
    delays = []
    for _ in range(7):
        delays.append(restarts.next_delay_s(0.0))
        restarts.note(0.0)
    assert delays == [0, 1, 2, 4, 60, 60, 60]
    assert restarts.is_crash_loop
    assert not restarts.calms(600.0)
    assert restarts.calms(601.0)
    assert not restarts.calms(602.0), "said once"
    assert restarts.next_delay_s(603.0) == 0


def test_a_start_that_takes_longer_than_the_calm_time_is_no_calm_time() -> None:
    restarts = Restarts(RestartPolicy())
    for number in range(9):
        restarts.next_delay_s(number * 1000.0)
        restarts.note(number * 1000.0 + 999.9)
    assert [restarts.next_delay_s(9000.0), restarts.is_crash_loop] == [1.0, False]


def test_the_metrics_are_those_of_prometheus_and_start_at_zero() -> None:
    condition = Condition()
    families = {family.name: family for family in text_string_to_metric_families(metrics_text(condition, is_up=False))}
    assert families["vitrine_restarts"].type == "counter"
    assert {sample.labels["cause"]: sample.value for sample in families["vitrine_restarts"].samples} == dict.fromkeys(
        CAUSES, 0.0
    )
    for name in ("vitrine_up", "vitrine_crash_loop", "vitrine_restart_delay_seconds", "vitrine_down_seconds"):
        assert families[name].samples[0].value == 0
    assert families["vitrine_start_time_seconds"].samples[0].value == pytest.approx(condition.started_at_s, abs=0.01)
    assert all(family.documentation for family in families.values())


def test_time_without_answers_is_counted_between_starts_only(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now_s=0.0, time=lambda: 1e9)
    clock.monotonic = lambda: clock.now_s
    monkeypatch.setattr("serving.supervision.condition.time", clock)
    condition = Condition()
    for now_s, state in ((5, "ready"), (10, "restarting"), (12, "restarting"), (14, "ready"), (20, "stopping")):
        clock.now_s = now_s
        condition.become(state)
    clock.now_s = 50
    assert condition.down_s == 4
    assert condition.recoveries == 1, "that it was ready at first is none"
