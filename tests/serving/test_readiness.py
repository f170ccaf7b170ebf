"""Getting ready: what ends the wait, and what becomes of the key of administration on Triton's command line."""

from typing import Any

import pytest

import serving.supervision.readiness
from serving.errors import ServingError
from serving.supervision.readiness import wait_until_door_lets_through, wait_until_triton_answers


class Run:
    """A Triton that runs, or has ended."""

    pid = 7

    def __init__(self, end: str | None = None) -> None:
        self._end = end
        self.has_steps = False

    def end(self) -> str | None:
        return self._end

    def has_logged(self) -> bool:
        return True

    def log_reason(self) -> str:
        return "the log says why"

    def find_steps(self) -> None:
        self.has_steps = True


class Asked:
    """A probe whose questions end as the codes say, one after the other, the last one again and again."""

    last_error = "connection refused"

    def __init__(self, *codes: str, takes_key: bool = True) -> None:
        self._codes = list(codes)
        self._takes_key = takes_key

    def ask(self, timeout_s: float) -> str:
        return self._codes.pop(0) if len(self._codes) > 1 else self._codes[0]

    def counts(self, timeout_s: float) -> dict[str, Any] | None:
        return {} if self._takes_key else None


class Gate:
    """A door that runs, or has ended."""

    def __init__(self, problem: str | None = None) -> None:
        self._problem = problem
        self.has_ended = False

    def problem(self) -> str | None:
        return self._problem

    def reason(self) -> str:
        return "its log says why"

    def end(self) -> None:
        self.has_ended = True


@pytest.fixture(autouse=True)
def fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.supervision.readiness, "_POLL_S", 0.01)


def wait(run: Any, probe: Any, door: Any = None, *, timeout_s: float = 5.0, secret: str | None = None) -> None:
    wait_until_triton_answers(run, probe, door, timeout_s=timeout_s, secret=secret)


def test_it_is_ready_when_a_question_is_answered() -> None:
    run = Run()
    wait(run, Asked("UNAVAILABLE", "UNAVAILABLE", "OK"))
    assert run.has_steps


@pytest.mark.parametrize(
    ("run", "door", "words"),
    [
        (Run("Triton ended with status 1"), None, "Triton ended with status 1 while starting; the log says why"),
        (Run(), Gate("the door, Envoy, was stopped"), "the door, Envoy, was stopped while starting; its log says why"),
    ],
)
def test_what_ends_meanwhile_is_told_at_once(run: Run, door: Gate | None, words: str) -> None:
    with pytest.raises(ServingError, match=words):
        wait(run, Asked("UNAVAILABLE"), door)


def test_no_answer_in_time_says_what_helps_and_ends_the_door() -> None:
    door = Gate()
    with pytest.raises(ServingError, match=r"within 0\.05 s \(connection refused\): let it take longer by"):
        wait(Run(), Asked("UNAVAILABLE"), door, timeout_s=0.05)
    assert door.has_ended


def test_a_key_that_the_kernel_does_not_let_us_hide_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As where kernel.yama.ptrace_scope is 2 or 3: the server serves all the same."""
    hidden: list[tuple[int, str]] = []

    def fail(pid: int, secret: str) -> bool:
        hidden.append((pid, secret))
        return False

    monkeypatch.setattr(serving.supervision.readiness, "hide_argument", fail)
    run = Run()
    wait(run, Asked("OK"), secret="a-key-that-stays")
    warning = capfd.readouterr().err
    assert run.has_steps
    assert hidden == [(7, "a-key-that-stays")] * len(hidden)
    assert warning.count("warning: the key of administration stays on Triton's command line") == 1
    assert "kernel.yama.ptrace_scope to 0 or 1" in warning
    assert "a-key-that-stays" not in warning


def test_a_key_that_was_hidden_is_no_warning(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(serving.supervision.readiness, "hide_argument", lambda pid, secret: True)
    wait(Run(), Asked("OK"), secret="a-key")
    assert not capfd.readouterr().err


def test_a_key_that_triton_does_not_take_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.supervision.readiness, "hide_argument", lambda pid, secret: True)
    with pytest.raises(ServingError, match="does not take the key of administration"):
        wait(Run(), Asked("OK", takes_key=False), timeout_s=0.05, secret="a-key")


def test_a_door_that_lets_nothing_through_is_an_error() -> None:
    door: Any = Gate()
    probe: Any = Asked("UNAVAILABLE")
    with pytest.raises(ServingError, match="the door does not let questions through"):
        wait_until_door_lets_through(probe, door, timeout_s=0.05)
    probe = Asked("UNAVAILABLE", "INVALID_ARGUMENT")
    wait_until_door_lets_through(probe, door, timeout_s=5.0)
