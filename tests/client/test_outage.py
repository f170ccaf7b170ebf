"""A server that goes and comes back: a call waits for it as long as its deadline allows, and no longer."""

import logging
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from vitrine_client import GrpcTransport, RequestCancelledError, ServerUnavailableError, VqaClient

from .conftest import Awaited, Door

QUESTIONS = ("What colour is it?", "什么颜色")
BOTH = pytest.mark.parametrize("kind", [VqaClient, Awaited])


class After(logging.Handler):
    """Calls something when a client has been refused so many times."""

    def __init__(self, refusals: int, then: Callable[[], None]) -> None:
        super().__init__(logging.INFO)
        self._left, self._then = refusals, then

    def emit(self, record: logging.LogRecord) -> None:
        if "UNAVAILABLE" not in record.getMessage():
            return
        self._left -= 1
        if self._left == 0:
            self._then()


@pytest.fixture
def after() -> "object":
    """`after(refusals, then)`."""
    log = logging.getLogger("vitrine_client")
    handlers: list[logging.Handler] = []

    def add(refusals: int, then: Callable[[], None]) -> None:
        handlers.append(After(refusals, then))
        log.addHandler(handlers[-1])

    level = log.level
    log.setLevel(logging.INFO)
    yield add
    log.setLevel(level)
    for handler in handlers:
        log.removeHandler(handler)


def _gone(door: Door) -> Callable[[], None]:
    door.stop()
    return door.start


def _closed(door: Door) -> Callable[[], None]:
    door.is_closed = True

    def opened() -> None:
        door.is_closed = False

    return opened


@BOTH
@pytest.mark.parametrize("outage", [_gone, _closed])
def test_a_call_outlives_an_outage(
    door: Door, photo: Path, after: Callable, kind: type, outage: Callable, caplog: pytest.LogCaptureFixture
) -> None:
    """Longer than gRPC's own five attempts: the server comes back after the seventh."""
    with kind(door.url, timeout_s=60) as client:
        expected = [client.ask(photo, question).text for question in QUESTIONS]
        after(7, outage(door))
        assert [client.ask(photo, question).text for question in QUESTIONS] == expected
    assert sum("takes calls again" in line for line in caplog.messages) == 1
    told = " ".join(caplog.messages)
    assert not any(question in told for question in QUESTIONS), "what buyers ask is nobody's business"
    assert str(photo) not in told


@BOTH
@pytest.mark.parametrize("outage", [_gone, _closed])
def test_many_callers_outlive_an_outage_and_do_not_make_it_worse(
    door: Door, photo: Path, after: Callable, kind: type, outage: Callable
) -> None:
    with kind(door.url, timeout_s=60) as client, ThreadPoolExecutor(24) as pool:
        expected = client.ask(photo, QUESTIONS[1]).text
        after(32, outage(door))  # a few more than the callers: then it is known to be down
        start_s = time.monotonic()
        answers = list(pool.map(lambda _: client.ask(photo, QUESTIONS[1], timeout_s=60).text, range(48)))
        took_s = time.monotonic() - start_s
    assert answers == [expected] * 48
    if door.refused:
        sent = Counter(door.refused)
        # Each once or twice, before it is known that nobody is there; then two a second, all callers together.
        assert sum(sent.values()) <= 3 * 24 + 2 * took_s + 1


@BOTH
def test_a_server_that_is_not_whole_yet_is_waited_for(photo: Path, after: Callable, kind: type) -> None:
    """Somebody listens: the first call ever is refused, and waits."""
    door = Door(None)
    try:
        after(3, _closed(door))
        with kind(door.url, timeout_s=60) as client:
            assert client.ask(photo, QUESTIONS[0]).text == "red"
        assert len(door.refused) == 3
    finally:
        door.stop()


@BOTH
@pytest.mark.parametrize("is_gone", [True, False])
def test_the_deadline_ends_the_waiting(photo: Path, kind: type, is_gone: bool) -> None:
    door = Door(None)
    try:
        with kind(door.url) as client:
            client.ask(photo, QUESTIONS[0])
            (_gone if is_gone else _closed)(door)
            start_s = time.monotonic()
            with pytest.raises(
                ServerUnavailableError, match=r"no server at .* took the request .*sent \d+ times in"
            ) as e:
                client.ask(photo, QUESTIONS[0], timeout_s=1.5)
            assert time.monotonic() - start_s > 1.3, "it was waited for"
            assert e.value.code == "UNAVAILABLE"
            # It is known to be down now: a call that is never sent itself waits as well, and says so.
            with pytest.raises(ServerUnavailableError):
                client.ask(photo, QUESTIONS[0], timeout_s=0.3)
    finally:
        door.stop()


@BOTH
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "no-such-name.invalid"])
def test_where_nobody_ever_listened_it_is_said_at_once(photo: Path, kind: type, host: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"{host}:{unused.getsockname()[1]}"
    with kind(url, timeout_s=60) as client:
        start_s = time.monotonic()
        with pytest.raises(ServerUnavailableError, match=f"no server listens at {url}") as caught:
            client.ask(photo, QUESTIONS[0])
        assert time.monotonic() - start_s < 30, "half the deadline; in fact it takes some milliseconds"
        assert caught.value.code == "UNAVAILABLE"
        assert caught.value.model == "vqa"
        assert caught.value.request_id


def test_without_retries_a_refused_call_fails_at_once(photo: Path) -> None:
    door = Door(None)
    try:
        client = VqaClient(transport=GrpcTransport(door.url, retries=False))
        client.ask(photo, QUESTIONS[0])
        _closed(door)
        with pytest.raises(ServerUnavailableError):
            client.ask(photo, QUESTIONS[0], timeout_s=60)
        assert len(door.refused) == 1
        client.close()
    finally:
        door.stop()


@BOTH
def test_closing_the_client_ends_the_waiting(photo: Path, after: Callable, kind: type) -> None:
    door = Door(None)
    try:
        client = kind(door.url, timeout_s=60)
        client.ask(photo, QUESTIONS[0])
        _closed(door)
        with ThreadPoolExecutor(2) as pool:
            after(4, lambda: pool.submit(client.close))
            with pytest.raises(RequestCancelledError, match="the client is closed"):
                client.ask(photo, QUESTIONS[0])
    finally:
        door.stop()
