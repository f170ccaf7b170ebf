"""Several servers: which one a photo goes to, and what happens when that one is full, gone or asked very often."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import Any

import grpc
from tritonclient.grpc import service_pb2_grpc
from vitrine_client import AsyncVqaClient, VqaClient
from vitrine_client.affinity import CALLS_ON_ONE_SERVER, HEADER, PhotosUnderWay

from loadtest.fake_server import answer_to

PHOTOS = [number.to_bytes(4, "big") for number in range(120)]


class Server(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]  # generated without types
    def __init__(self) -> None:
        self.asked: list[bytes] = []
        self.headers: list[str | None] = []
        self.is_full = False
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.server = grpc.server(ThreadPoolExecutor(64), options=[("grpc.so_reuseport", 0)])
        service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(self, self.server)
        self.port = self.server.add_insecure_port("127.0.0.1:0")
        self.server.start()

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802  gRPC's name
        if self.is_full:
            context.abort(grpc.StatusCode.UNAVAILABLE, "full")
        self.headers.append(dict(context.invocation_metadata()).get(HEADER))
        self.asked.append(request.raw_input_contents[0][4:])
        self.may_answer.wait(20)
        return answer_to(request)


@contextmanager
def servers(count: int) -> Iterator[tuple[list[Server], str]]:
    with ExitStack() as stack:
        found = [Server() for _ in range(count)]
        for server in found:
            stack.callback(server.server.stop, None)
            stack.callback(server.may_answer.set)
        yield found, "ipv4:" + ",".join(f"127.0.0.1:{server.port}" for server in found)


def test_a_photo_goes_to_the_server_that_has_seen_it_and_photos_to_all() -> None:
    with servers(4) as (found, url), VqaClient(url) as client:
        for question in ("What is this?", "这是什么？", "What colour is it?"):
            for photo in PHOTOS:
                client.ask(photo, question)
        for server in found:
            assert set(Counter(server.asked).values()) == {3}, "each of its photos, all three times"
            assert len(server.asked) >= 0.5 * 3 * len(PHOTOS) / 4


def test_both_clients_send_a_photo_to_the_same_server() -> None:
    async def ask(url: str) -> None:
        async with AsyncVqaClient(url) as client:
            for photo in PHOTOS[:20]:
                await client.ask(photo, "这是什么？")

    with servers(3) as (found, url):
        asyncio.run(ask(url))
        with VqaClient(url) as client:
            for photo in PHOTOS[:20]:
                client.ask(photo, "What is this?")
        assert all(count == 2 for server in found for count in Counter(server.asked).values())


def test_what_a_full_server_refuses_another_takes_and_its_other_photos_stay() -> None:
    with servers(3) as (found, url), VqaClient(url) as client:
        for photo in PHOTOS:
            client.ask(photo, "这是什么？")
        homes = [set(server.asked) for server in found]
        found[0].is_full = True
        for photo in PHOTOS:
            client.ask(photo, "这是什么？")
        for server, home in zip(found[1:], homes[1:], strict=True):
            assert Counter(server.asked).keys() >= home
        assert not found[0].asked[len(homes[0]) :]


def test_a_server_that_is_gone_fails_no_call_and_moves_its_photos_alone() -> None:
    with servers(3) as (found, url), VqaClient(url) as client:
        for photo in PHOTOS:
            client.ask(photo, "这是什么？")
        homes = [set(server.asked) for server in found]
        found[0].server.stop(None).wait()
        for photo in PHOTOS:
            client.ask(photo, "这是什么？")
        for server, home in zip(found[1:], homes[1:], strict=True):
            assert {photo for photo, count in Counter(server.asked).items() if count == 2} == home


def test_a_very_hot_photo_is_spread_while_many_calls_are_under_way() -> None:
    with servers(4) as (found, url), VqaClient(url, timeout_s=30) as client, ThreadPoolExecutor(64) as pool:
        for server in found:
            server.may_answer.clear()
        calls = [pool.submit(client.ask, b"hot", "这是什么？") for _ in range(6 * CALLS_ON_ONE_SERVER)]
        end_s = time.monotonic() + 20
        while sum(len(server.asked) for server in found) < len(calls):
            assert time.monotonic() < end_s
            time.sleep(0.01)
        for server in found:
            server.may_answer.set()
        for call in calls:
            call.result()
        assert sum(bool(server.asked) for server in found) >= 2
        for server in found:
            server.headers.clear()
        client.ask(b"hot", "这是什么？")
        assert ["-" in str(header) for server in found for header in server.headers] == [False], "it is at home again"


def test_a_call_without_a_photo_names_none() -> None:
    with PhotosUnderWay().header({}) as header:
        assert header == {}
