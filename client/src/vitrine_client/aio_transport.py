"""Transport for event loops: gRPC, as in `transport.py`, awaited."""

import asyncio
import os
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NoReturn, Protocol

import grpc
import grpc.aio
from numpy.typing import NDArray
from tritonclient.grpc import service_pb2, service_pb2_grpc

from vitrine_client.calls import Tensors
from vitrine_client.channel import CHANNEL_ARGS, TlsFiles, credentials_from_tls, require_tls
from vitrine_client.contract import ENSEMBLE, version_from_parameters
from vitrine_client.errors import InvalidRequestError, error_from_code
from vitrine_client.results import Health
from vitrine_client.sending import CallPolicy, error_from_library, library_error
from vitrine_client.timeouts import time_left
from vitrine_client.transport import arrays_from_response, request_from_tensors


class AsyncTransport(Protocol):
    """Protocol of what an `AsyncVqaClient` needs from the other side. `AsyncFakeTransport` is one without a server."""

    async def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        """Run `model`. Raises a `VitrineError`."""
        ...

    async def health(self, *, timeout_s: float) -> Health: ...

    async def close(self) -> None: ...


class AsyncConnection:
    """Channel of one event loop in one process, and what ends with it."""

    def __init__(self, url: str, tls: TlsFiles | None, loop: asyncio.AbstractEventLoop) -> None:
        self.pid = os.getpid()
        self.loop = loop
        self.is_closed = asyncio.Event()
        self._channel = (
            grpc.aio.secure_channel(url, credentials_from_tls(tls), options=CHANNEL_ARGS)
            if tls
            else grpc.aio.insecure_channel(url, options=CHANNEL_ARGS)
        )
        self.stub = service_pb2_grpc.GRPCInferenceServiceStub(self._channel)

    def is_connected(self) -> bool:
        return bool(self._channel.get_state() is grpc.ChannelConnectivity.READY)

    async def close(self) -> None:
        self.is_closed.set()
        await self._channel.close()


class AsyncGrpcTransport:
    """Connection for one event loop, that of its first call; none needs to run before. See `GrpcTransport`."""

    def __init__(
        self, url: str, *, tls: TlsFiles | None = None, api_key: str | None = None, retries: bool = True
    ) -> None:
        self._policy = CallPolicy(url, tls, api_key, retries=retries)
        require_tls(tls)
        self._tls = tls
        self._connected: AsyncConnection | None = None
        self._is_closed = False

    async def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        request = request_from_tensors(model, inputs, outputs, request_id)
        connection = self._connection(model, request_id)
        with self._policy.pending_call(model, inputs, timeout_s=timeout_s, request_id=request_id) as call:
            while True:
                while wait_s := call.wait_s():
                    with suppress(asyncio.TimeoutError):
                        await asyncio.wait_for(connection.is_closed.wait(), wait_s)
                        _raise_as_closed(None, model, request_id)
                with call.attempt(connection.is_connected):
                    try:
                        response = await connection.stub.ModelInfer(
                            request, timeout=call.left_s(), metadata=call.metadata
                        )
                    except (asyncio.CancelledError, grpc.aio.UsageError) as error:
                        _raise_as_closed(error, model, request_id)
                    return arrays_from_response(response, outputs)

    async def health(self, *, timeout_s: float) -> Health:
        policy, stub, left_s = self._policy, self._connection("server", "").stub, time_left(timeout_s)
        metadata = tuple(policy.key_headers.items())
        try:
            live = await stub.ServerLive(service_pb2.ServerLiveRequest(), timeout=left_s(), metadata=metadata)
            ready = await stub.ServerReady(service_pb2.ServerReadyRequest(), timeout=left_s(), metadata=metadata)
            model = service_pb2.ModelReadyRequest(name=ENSEMBLE)
            model_ready = await stub.ModelReady(model, timeout=left_s(), metadata=metadata)
            version = await self._contract_version(left_s(), metadata) if model_ready.ready else None
        except grpc.RpcError as error:
            raise error_from_library(library_error(error), policy.url, "server", timeout_s, "") from error
        except (asyncio.CancelledError, grpc.aio.UsageError) as error:
            _raise_as_closed(error, "server", "")
        policy.was_reached = True
        return Health(live.live, ready.ready, model_ready.ready, version)

    async def _contract_version(self, timeout_s: float, metadata: tuple[tuple[str, str], ...]) -> int | None:
        stub, request = self._connection("server", "").stub, service_pb2.ModelConfigRequest(name=ENSEMBLE)
        try:
            response = await stub.ModelConfig(request, timeout=timeout_s, metadata=metadata)
        except grpc.RpcError:  # a gateway keeps it closed, or the server is going: readiness is known without it
            return None
        return version_from_parameters(response.config.parameters)

    async def close(self) -> None:
        self._is_closed = True
        if self._connected is not None and self._connected.pid == os.getpid():
            await self._connected.close()

    def _connection(self, model: str, request_id: str) -> AsyncConnection:
        """Connects at the first call, for only then is it known which loop; a child process has one of its own."""
        loop = asyncio.get_running_loop()
        if self._is_closed:
            _raise_as_closed(None, model, request_id)
        if self._connected is None or self._connected.pid != os.getpid():
            self._connected = AsyncConnection(self._policy.url, self._tls, loop)
        elif self._connected.loop is not loop:
            raise InvalidRequestError(
                "an AsyncVqaClient belongs to the event loop of its first call, and this is another: make one here"
            )
        return self._connected


def _raise_as_closed(error: BaseException | None, model: str, request_id: str) -> NoReturn:
    """Unless the call was cancelled by its caller, which Python 3.10 cannot tell."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or not hasattr(task, "cancelling") or task.cancelling() > 0:
            raise error
    raise error_from_code("CANCELLED", "the client is closed", model=model, request_id=request_id) from error
