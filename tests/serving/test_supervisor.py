"""When a server is restarted, and how the program ends that looks after it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

import serving.supervisor
from serving.errors import ServingError
from serving.server import EmbeddedServer
from serving.supervisor import RestartPolicy, serve_until_signal


class FakeServer:
    """Starts, is well until a signal comes, drains, and stops; each of it may go wrong."""

    def __init__(self, **goes_wrong: BaseException) -> None:
        self._goes_wrong = goes_wrong
        self.is_drained = True

    def _do(self, what: str) -> None:
        if error := self._goes_wrong.get(what):
            raise error

    def __enter__(self) -> "FakeServer":
        self._do("start")
        return self

    def __exit__(self, *_: object) -> None:
        self._do("stop")

    def problem(self) -> str | None:
        self._do("watch")
        raise KeyboardInterrupt

    def drain(self) -> bool:
        self._do("drain")
        return self.is_drained


def status(server: FakeServer) -> int:
    return serve_until_signal(cast(EmbeddedServer, server), lambda: None)


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving.supervisor, "time", SimpleNamespace(sleep=lambda _: None, monotonic=lambda: 0.0))


@pytest.mark.parametrize(
    ("goes_wrong", "expected"),
    [
        ({}, 0),
        ({"start": KeyboardInterrupt()}, 0),
        ({"start": ServingError("no libpython")}, 1),
        ({"watch": ServingError("5 restarts did not help")}, 1),
        ({"drain": KeyboardInterrupt()}, 1),
        ({"stop": KeyboardInterrupt()}, 0),
        ({"watch": ServingError("5 restarts did not help"), "stop": KeyboardInterrupt()}, 1),
        ({"drain": KeyboardInterrupt(), "stop": KeyboardInterrupt()}, 1),
    ],
)
def test_the_exit_status_tells_whether_all_was_answered(goes_wrong: dict[str, Any], expected: int) -> None:
    assert status(FakeServer(**goes_wrong)) == expected


def test_what_was_not_answered_in_time_is_told_too() -> None:
    server = FakeServer(stop=KeyboardInterrupt())
    server.is_drained = False
    assert status(server) == 1


def test_restarts_wait_longer_each_time_and_end() -> None:
    policy = RestartPolicy(most=4, within_s=600, first_delay_s=1)
    assert [policy.delay_s(recent) for recent in range(4)] == [0, 1, 2, 4]
    with pytest.raises(ServingError, match="4 restarts in 10 minutes did not help"):
        policy.delay_s(4)
