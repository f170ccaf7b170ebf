"""What only an event loop can show; all else of the async client is in `test_client.py`, beside the other one."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
import pytest
from vitrine_client import (
    AsyncFakeTransport,
    AsyncVqaClient,
    FakeTransport,
    InvalidRequestError,
    RequestCancelledError,
    ServerUnavailableError,
)

from .conftest import HAS_SERVER

needs_server = pytest.mark.skipif(not HAS_SERVER, reason="tested without a server")


@pytest.mark.parametrize("question", ["What colour is it?", "什么颜色"])
@needs_server
def test_many_questions_are_under_way_at_once(server_url: str, photo: Path, question: str) -> None:
    async def ask() -> list[str]:
        async with AsyncVqaClient(server_url, timeout_s=20) as client:
            alone = await client.ask(photo, question)
            together = await asyncio.gather(*(client.ask(photo, question) for _ in range(40)))
            assert {answer.text for answer in together} == {alone.text}
            return [answer.request_id for answer in together]

    assert len(set(asyncio.run(ask()))) == 40


@dataclass
class Slow:
    """A server that answers nothing, and notices who comes and who goes away."""

    url: str = ""
    came: asyncio.Event = field(default_factory=asyncio.Event)
    went: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, request: bytes, context: object) -> bytes:
        self.came.set()
        try:
            await asyncio.sleep(60)
        finally:
            self.went.set()
        return b""


@asynccontextmanager
async def slow_server() -> AsyncIterator[Slow]:
    server, slow = grpc.aio.server(), Slow()
    handlers = dict.fromkeys(("ModelInfer", "ServerLive"), grpc.unary_unary_rpc_method_handler(slow.answer))
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("inference.GRPCInferenceService", handlers)])
    slow.url = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    yield slow
    await server.stop(None)


@pytest.mark.parametrize("question", ["What colour is it?", "什么颜色"])
def test_a_cancelled_call_is_cancelled_in_the_server_too(photo: Path, question: str) -> None:
    async def ask() -> None:
        async with slow_server() as server, AsyncVqaClient(server.url, timeout_s=20) as client:
            asking = asyncio.ensure_future(client.ask(photo, question))
            await asyncio.wait_for(server.came.wait(), timeout=10)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await asyncio.wait_for(server.went.wait(), timeout=10)

    asyncio.run(ask())


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 cannot tell who cancelled a call")
def test_a_question_about_health_ends_with_the_client() -> None:
    async def ask() -> None:
        async with slow_server() as server:
            client = AsyncVqaClient(server.url)
            asking = asyncio.ensure_future(client.health(timeout_s=20))
            await asyncio.wait_for(server.came.wait(), timeout=10)
            await client.close()
            with pytest.raises(RequestCancelledError, match="client is closed"):
                await asking

    asyncio.run(ask())


def test_a_closed_client_says_so(photo: Path) -> None:
    async def ask() -> None:
        client = AsyncVqaClient("localhost:1")
        await client.close()
        await client.ask(photo, "What is it?")

    with pytest.raises(RequestCancelledError, match="client is closed"):
        asyncio.run(ask())


def test_a_client_belongs_to_its_event_loop(photo: Path) -> None:
    """To that of its first call; it may be made where none runs, such as at module level."""
    client = AsyncVqaClient("127.0.0.1:1", timeout_s=1)
    with pytest.raises(ServerUnavailableError):
        asyncio.run(client.health())
    for call in (client.ask(photo, "这是什么？"), client.health()):
        with pytest.raises(InvalidRequestError, match="this is another"):
            asyncio.run(call)


def test_the_fake_tells_what_was_asked(photo: Path) -> None:
    fake = FakeTransport({"什么颜色？": "红色"})

    async def ask() -> str:
        async with AsyncVqaClient(transport=AsyncFakeTransport(fake)) as client:
            return (await client.ask(photo, "什么颜色？")).text

    assert asyncio.run(ask()) == "红色"
    assert fake.requests == ["vqa"]
