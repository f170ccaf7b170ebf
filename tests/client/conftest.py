"""The client, on a fake transport and, where a server can be started, on the real one."""

import asyncio
import os
import struct
import tempfile
import threading
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from PIL import Image
from tritonclient.grpc import InferResult, service_pb2
from tritonclient.utils import np_to_triton_dtype
from vitrine_client import AsyncFakeTransport, AsyncVqaClient, FakeTransport, VqaClient

# The client's wheel is also tested alone, in environments that have no server.
HAS_SERVER = not os.environ.get("VITRINE_CLIENT_ALONE")
# They need the catalogue, a server, or extras (`bulk`, `facts`, `feedback`, `video`), which the wheel alone lacks.
_NOT_ALONE = [
    "test_documents.py", "test_facts.py", "test_feedback.py", "test_feedback_command.py", "test_reading.py",
    "test_affinity.py", "test_bulk.py", "test_video.py", "test_watching.py",
]  # fmt: skip
collect_ignore = [] if HAS_SERVER else _NOT_ALONE
SERVICE = "inference.GRPCInferenceService"
ANSWERS = {"What colour is it?": "red", "什么颜色": "红色"}


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("VITRINE_URL", "VITRINE_API_KEY", "VITRINE_TIMEOUT_S"):
        monkeypatch.delenv(name, raising=False)


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


def answer_like_triton(body: bytes) -> bytes:
    """What a server behind a `Door` answers where there is none: a `FakeTransport`'s tensors, as they travel."""
    request = service_pb2.ModelInferRequest.FromString(body)
    inputs = {}
    for tensor, raw in zip(request.inputs, request.raw_input_contents, strict=True):
        elements, start = [], 0
        while tensor.datatype == "BYTES" and start < len(raw):
            (length,) = struct.unpack_from("<I", raw, start)
            elements.append(raw[start + 4 : start + 4 + length])
            start += 4 + length
        inputs[tensor.name] = np.array(elements, np.object_).reshape(tuple(tensor.shape))
    names = [output.name for output in request.outputs]
    found = FakeTransport(ANSWERS).infer(request.model_name, inputs, names, timeout_s=1, request_id=request.id)
    response = service_pb2.ModelInferResponse(model_name=request.model_name, id=request.id)
    for name, array in found.items():
        response.outputs.add(name=name, datatype=np_to_triton_dtype(array.dtype), shape=array.shape)
        flat = array.ravel()
        parts = [struct.pack("<I", len(one)) + one for one in flat] if array.dtype == object else [array.tobytes()]
        response.raw_output_contents.append(b"".join(parts))
    assert InferResult(response).as_numpy(names[0]) is not None
    return response.SerializeToString()


class Door:
    """What stands before a server: it hands calls on, or says that nobody is behind it, or is gone altogether."""

    def __init__(self, upstream: str | None) -> None:
        self.is_closed = False
        """The connection stays; every call gets UNAVAILABLE at once."""
        self.refused: list[str] = []
        """Ids of the requests that came while it was closed."""
        self._ask = answer_like_triton
        if upstream:
            channel = grpc.insecure_channel(upstream, options=[("grpc.max_receive_message_length", -1)])
            self._ask = channel.unary_unary(f"/{SERVICE}/ModelInfer")
        self._server: grpc.Server | None = None
        self._port = 0
        self.start()

    @property
    def url(self) -> str:
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        handlers = {"ModelInfer": grpc.unary_unary_rpc_method_handler(self._infer)}
        self._server = grpc.server(ThreadPoolExecutor(32), options=[("grpc.so_reuseport", 0)])
        self._server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        self._server.start()

    def stop(self) -> None:
        assert self._server
        self._server.stop(None).wait()

    def _infer(self, body: bytes, context: grpc.ServicerContext) -> bytes:
        if self.is_closed:
            self.refused.append(service_pb2.ModelInferRequest.FromString(body).id)
            context.abort(grpc.StatusCode.UNAVAILABLE, "no healthy upstream")
        return bytes(self._ask(body))


@pytest.fixture(params=["fake", "server"])
def door(request: pytest.FixtureRequest) -> Iterator[Door]:
    if request.param == "server" and not HAS_SERVER:
        pytest.skip("tested without a server")
    door = Door(request.getfixturevalue("server_url") if request.param == "server" else None)
    yield door
    door.stop()


@pytest.fixture(params=["fake", "server", "async fake", "async server"])
def client(request: pytest.FixtureRequest) -> Iterator[VqaClient | Awaited]:
    """The same test body runs on all."""
    is_async = request.param.startswith("async")
    if request.param.endswith("fake"):
        fake = FakeTransport(ANSWERS)
        yield Awaited(transport=AsyncFakeTransport(fake)) if is_async else VqaClient(transport=fake)
        return
    if not HAS_SERVER:
        pytest.skip("tested without a server")
    with (Awaited if is_async else VqaClient)(request.getfixturevalue("server_url"), timeout_s=20) as real:
        yield real


@pytest.fixture
def photo() -> Iterator[Path]:
    """A small photo in a folder of its own, whose path is short: messages leave long ones out."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "photo.png"
        Image.fromarray(np.full((60, 80, 3), (200, 30, 30), np.uint8)).save(file)
        yield file
