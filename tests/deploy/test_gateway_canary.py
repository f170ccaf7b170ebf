"""A share of the calls goes to the next release, by a file that is exchanged while calls come."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from serving.canary.share import write_share
from tests.helpers.gateway import envoy_before, wait_until
from tests.helpers.gateway_fake import Fake, failure, serving_fake, stub_at


@contextmanager
def old_and_new(folder: Path, percent: int) -> Iterator[tuple[Fake, Fake, Any]]:
    """An old server and its canary behind a gateway, and a stub to call them by."""
    file = folder / "canary.yaml"
    write_share(file, percent)
    with serving_fake("127.0.0.1") as (old, port), serving_fake("127.0.0.1") as (new, new_port):
        settings: dict[str, Any] = {"canary": (("127.0.0.1", new_port),), "canary_file": file}
        with envoy_before([f"127.0.0.1:{port}"], folder, **settings) as url, stub_at(url, folder) as stub:
            yield old, new, stub


def ask(stub: Any, calls: int, **more: str) -> None:
    """Call one after the other; each has to get to a server."""
    for _ in range(calls):
        call = failure(stub, "", **more)
        assert call.code() == grpc.StatusCode.INTERNAL, call.details()


def test_a_share_goes_to_the_canary_and_a_changed_file_counts_at_once(tmp_path: Path) -> None:
    with old_and_new(tmp_path, 5) as (old, new, stub):
        ask(stub, 400)
        assert 1 <= len(new.asked) <= 60, "of 400 calls, 20 are expected; so far off once in 10^8"
        for percent, one_that_gets_all, other in ((100, new, old), (0, old, new)):
            write_share(tmp_path / "canary.yaml", percent)

            def is_alone(other: Fake = other) -> bool:
                other.asked.clear()
                ask(stub, 20)
                return not other.asked

            wait_until(is_alone)
            one_that_gets_all.asked.clear()
            ask(stub, 50)
            assert (len(one_that_gets_all.asked), len(other.asked)) == (50, 0)


@pytest.mark.parametrize("photo", ["", "a" * 64])
def test_what_a_canary_refuses_is_asked_of_the_old_servers(tmp_path: Path, photo: str) -> None:
    with old_and_new(tmp_path, 100) as (old, new, stub):
        new.is_busy = True
        ask(stub, 30, photo=photo)
        assert len(new.asked) == len(old.asked) == 30


def test_a_canary_that_is_gone_fails_no_call(tmp_path: Path) -> None:
    with old_and_new(tmp_path, 100) as (old, new, stub):
        ask(stub, 10)
        assert (len(new.asked), len(old.asked)) == (10, 0)
        new.server.stop(None).wait()
        ask(stub, 40)
        assert len(old.asked) == 40


def test_old_servers_that_are_gone_fail_no_call_of_a_canary(tmp_path: Path) -> None:
    with old_and_new(tmp_path, 100) as (old, new, stub):
        old.server.stop(None).wait()
        ask(stub, 10)
        assert len(new.asked) == 10
