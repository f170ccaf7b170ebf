"""The client, on a fake transport and, where a server can be started, on the real one."""

import asyncio
import os
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from vitrine_client import AsyncFakeTransport, AsyncVqaClient, FakeTransport, VqaClient

# The client's wheel is also tested alone, in environments that have no server.
HAS_SERVER = not os.environ.get("VITRINE_CLIENT_ALONE")


class Awaited:
    """An `AsyncVqaClient` with the face of a `VqaClient`: its event loop runs in a thread."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._client = self._wait_for(self._made(*args, **kwargs))

    async def _made(self, *args: Any, **kwargs: Any) -> AsyncVqaClient:
        return AsyncVqaClient(*args, **kwargs)

    def _wait_for(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def __getattr__(self, name: str) -> Any:
        return lambda *args, **kwargs: self._wait_for(getattr(self._client, name)(*args, **kwargs))

    def __enter__(self) -> "Awaited":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.fixture(params=["fake", "server", "async fake", "async server"])
def client(request: pytest.FixtureRequest) -> Iterator[VqaClient | Awaited]:
    """The same test body runs on all."""
    is_async = request.param.startswith("async")
    if request.param.endswith("fake"):
        fake = FakeTransport({"What colour is it?": "red", "什么颜色": "红色"})
        yield Awaited(transport=AsyncFakeTransport(fake)) if is_async else VqaClient(transport=fake)
        return
    if not HAS_SERVER:
        pytest.skip("tested without a server")
    with (Awaited if is_async else VqaClient)(request.getfixturevalue("server_url"), timeout_s=20) as real:
        yield real


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "photo.png"
    Image.fromarray(np.full((60, 80, 3), (200, 30, 30), np.uint8)).save(file)
    return file
