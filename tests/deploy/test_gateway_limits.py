"""How often and how much each shop may ask through the gateway, and which server is asked."""

import socket
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc

from tests.helpers.gateway import SLOW_KEY, envoy_before, wait_until
from tests.helpers.gateway_fake import Fake, failure, serving_fake, stub_at
from tests.helpers.name_server import name_server


def test_a_call_that_was_broken_off_counts_until_its_deadline_only(fake: tuple[Fake, Any]) -> None:
    _, stub = fake
    for _ in range(5):
        failure(stub, "slow", timeout_s=2).cancel()
    wait_until(lambda: failure(stub, "").code() == grpc.StatusCode.INTERNAL)


def test_a_shop_whose_calls_do_not_end_keeps_no_other_out(fake: tuple[Fake, Any]) -> None:
    behind, stub = fake
    calls = [failure(stub, "slow", SLOW_KEY) for _ in range(10)]
    wait_until(lambda: sum(call.done() for call in calls) >= 5)
    assert [call.code() for call in calls if call.done()] == [grpc.StatusCode.UNAVAILABLE] * 5
    assert failure(stub, "").code() == grpc.StatusCode.INTERNAL, "another shop's call gets to the server"
    behind.may_end.set()
    assert Counter(call.code() for call in calls)[grpc.StatusCode.INTERNAL] == 5


def test_each_key_has_a_rate_of_its_own(tmp_path: Path) -> None:
    with (
        serving_fake("127.0.0.1") as (behind, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path, rate_per_s=4, under_way=200, under_way_of_shop=100) as url,
        stub_at(url, tmp_path) as stub,
    ):
        calls = [failure(stub, "") for _ in range(60)]
        found = Counter(call.code() for call in calls)
        assert set(found) == {grpc.StatusCode.INTERNAL, grpc.StatusCode.RESOURCE_EXHAUSTED}
        assert found[grpc.StatusCode.INTERNAL] == len(behind.asked) >= 4
        refused = next(call for call in calls if call.code() == grpc.StatusCode.RESOURCE_EXHAUSTED)
        assert refused.details().startswith("more requests a second than this API key may send")
        assert failure(stub, "", SLOW_KEY).code() == grpc.StatusCode.INTERNAL, "another shop is not touched"


def test_a_rate_is_kept_among_many_shops(tmp_path: Path) -> None:
    """Envoy of itself keeps the rates of 20, and begins anew with one that it has dropped."""
    keys = [f"{number:064d}" for number in range(25)]
    credentials = ", ".join(f"{{client: shop-{number}, key: '{key}'}}" for number, key in enumerate(keys))
    with (
        serving_fake("127.0.0.1") as (_, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path, f"[{credentials}]", rate_per_s=1, under_way=200) as url,
        stub_at(url, tmp_path) as stub,
    ):
        start_s, allowed = time.monotonic(), 0
        for _ in range(20):
            calls = [failure(stub, "", key) for key in keys]
            codes = [call.code() for call in calls]
            allowed += codes[0] == grpc.StatusCode.INTERNAL
        assert 1 <= allowed <= 2 + time.monotonic() - start_s


def test_a_server_that_moves_is_followed(tmp_path: Path) -> None:
    with serving_fake("127.0.0.1") as (old, port), name_server("127.0.0.1") as names:
        settings: dict[str, Any] = {"name_server": ("127.0.0.1", names.port), "look_up_s": 1}
        with envoy_before([f"vitrine.test:{port}"], tmp_path, **settings) as url, stub_at(url, tmp_path) as stub:
            wait_until(lambda: failure(stub, "").code() == grpc.StatusCode.INTERNAL)
            assert old.asked
            with serving_fake("127.0.0.2", port) as (new, _):
                names.address = "127.0.0.2"
                old.asked.clear()
                wait_until(lambda: failure(stub, "").code() == grpc.StatusCode.INTERNAL and bool(new.asked))
                old.asked.clear()
                assert failure(stub, "").code() == grpc.StatusCode.INTERNAL
                assert not old.asked


def test_a_request_that_ends_a_server_is_sent_to_no_other(tmp_path: Path) -> None:
    """Where a connection ends after a request was sent, that request may be why."""
    connections = []

    def end_each(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connections.append(connection.recv(2**16))
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as first, socket.create_server(("127.0.0.1", 0)) as second:
        for listener in (first, second):
            threading.Thread(target=end_each, args=(listener,), daemon=True).start()
        servers = [f"127.0.0.1:{listener.getsockname()[1]}" for listener in (first, second)]
        with envoy_before(servers, tmp_path) as url, stub_at(url, tmp_path) as stub:
            assert failure(stub, "").code() == grpc.StatusCode.UNAVAILABLE
            for listener in (first, second):
                listener.shutdown(socket.SHUT_RDWR)
    assert len(connections) == 1


def test_servers_share_the_calls_and_one_that_dies_is_passed_over(tmp_path: Path) -> None:
    with serving_fake("127.0.0.1") as (kept, port), serving_fake("127.0.0.1") as (dying, dying_port):
        servers = [f"127.0.0.1:{port}", f"127.0.0.1:{dying_port}"]
        with envoy_before(servers, tmp_path) as url, stub_at(url, tmp_path) as stub:
            while not (kept.asked and dying.asked):
                assert failure(stub, "").code() == grpc.StatusCode.INTERNAL
            kept.asked.clear()
            dying.server.stop(None).wait()
            for _ in range(20):
                assert failure(stub, "").code() == grpc.StatusCode.INTERNAL, "the other one was asked"
            assert len(kept.asked) == 20


def test_a_shop_has_a_rate_of_its_own_where_one_is_named(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"rate_per_s": 1000, "rate_of": (("a-shop", 2),), "under_way": 200}
    with (
        serving_fake("127.0.0.1") as (_, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path, under_way_of_shop=100, **settings) as url,
        stub_at(url, tmp_path) as stub,
    ):
        codes = Counter(call.code() for call in [failure(stub, "") for _ in range(60)])
        assert codes[grpc.StatusCode.RESOURCE_EXHAUSTED] > codes[grpc.StatusCode.INTERNAL] > 0
        others = Counter(call.code() for call in [failure(stub, "", SLOW_KEY) for _ in range(60)])
        assert others == {grpc.StatusCode.INTERNAL: 60}


def test_bulk_gives_way(tmp_path: Path) -> None:
    keys = {name: f"{number:064d}" for number, name in enumerate(("night", "import", "shop"))}
    credentials = ", ".join(f"{{client: {name}, key: '{key}'}}" for name, key in keys.items())
    with (
        serving_fake("127.0.0.1") as (behind, port),
        envoy_before([f"127.0.0.1:{port}"], tmp_path, f"[{credentials}]", bulk=("night", "import")) as url,
        stub_at(url, tmp_path) as stub,
    ):
        under_way = [failure(stub, "slow", keys[name]) for name in ("night", "import")]
        wait_until(lambda: len(behind.asked) == 2)
        for name in ("night", "import"):
            refused = failure(stub, "", keys[name])
            assert refused.code() == grpc.StatusCode.UNAVAILABLE
            assert refused.details().startswith("2 bulk calls are under way")
        assert failure(stub, "", keys["shop"]).code() == grpc.StatusCode.INTERNAL, "a caller who waits goes first"
        behind.may_end.set()
        assert {call.code() for call in under_way} == {grpc.StatusCode.INTERNAL}
        assert failure(stub, "", keys["night"]).code() == grpc.StatusCode.INTERNAL, "there is room again"


def test_bulk_has_servers_of_its_own_where_they_are_named(tmp_path: Path) -> None:
    keys = {name: f"{number:064d}" for number, name in enumerate(("night.import", "shop"))}
    credentials = ", ".join(f"{{client: {name}, key: '{key}'}}" for name, key in keys.items())
    with serving_fake("127.0.0.1") as (of_all, port), serving_fake("127.0.0.1") as (of_bulk, bulk_port):
        settings: dict[str, Any] = {"bulk": ("night.import",), "bulk_servers": (("127.0.0.1", bulk_port),)}
        servers = [f"127.0.0.1:{port}"]
        with envoy_before(servers, tmp_path, f"[{credentials}]", **settings) as url, stub_at(url, tmp_path) as stub:
            for name, asked, others in (("night.import", of_bulk, of_all), ("shop", of_all, of_bulk)):
                for _ in range(5):
                    assert failure(stub, "", keys[name]).code() == grpc.StatusCode.INTERNAL
                assert (len(asked.asked), len(others.asked)) == (5, 0)
                asked.asked.clear()
            of_bulk.server.stop(None).wait()
            wait_until(lambda: failure(stub, "", keys["night.import"]).code() == grpc.StatusCode.UNAVAILABLE)
            assert not of_all.asked, "bulk never takes what others wait for"
