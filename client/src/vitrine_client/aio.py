"""The client for asyncio: the same calls, results and errors as `VqaClient`'s, awaited."""

import asyncio
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Any, NoReturn, Protocol

import grpc.aio
import tritonclient.grpc.aio as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException

from vitrine_client.calls import (
    Call,
    Result,
    Tensors,
    ask_call,
    ask_calls,
    choose_call,
    embed_call,
    require_timeout,
    time_left,
)
from vitrine_client.channel import TlsFiles, channel_args, tls_arguments
from vitrine_client.client import DEFAULT_URL
from vitrine_client.errors import InvalidRequestError, error_from_code
from vitrine_client.photos import Photo, bytes_from_photo
from vitrine_client.results import Answer, Choice, Embedding, Health
from vitrine_client.sending import Sender, translated
from vitrine_client.transport import input_from_array, requested


class AsyncTransport(Protocol):
    """What the client needs from the other side. `AsyncFakeTransport` is one without a server."""

    async def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        """Run `model`. Raises a `VitrineError`."""
        ...

    async def health(self, *, timeout_s: float) -> Health: ...

    async def close(self) -> None: ...


class AsyncGrpcTransport:
    """As `GrpcTransport`, for one event loop: make it where that runs."""

    def __init__(
        self, url: str, *, tls: TlsFiles | None = None, api_key: str | None = None, retries: bool = True
    ) -> None:
        try:
            self._loop = asyncio.get_running_loop()
        except RuntimeError as error:
            raise InvalidRequestError(
                "an AsyncVqaClient belongs to one event loop: make it in a coroutine that runs there"
            ) from error
        self._sender = Sender(url, tls, api_key, throttles=retries)
        self._client = triton.InferenceServerClient(url, channel_args=channel_args(retries), **tls_arguments(tls))

    async def infer(
        self, model: str, inputs: Tensors, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        self._require_loop()
        with self._sender.sending(model, timeout_s=timeout_s, request_id=request_id) as headers:
            try:
                result = await self._client.infer(
                    model,
                    [input_from_array(name, array) for name, array in inputs.items()],
                    outputs=requested(tuple(outputs)),
                    client_timeout=timeout_s,
                    request_id=request_id,
                    headers=headers,
                )
            except (asyncio.CancelledError, grpc.aio.UsageError) as error:
                _raise_as_closed(error, model, request_id)
        return {name: result.as_numpy(name) for name in outputs}

    async def health(self, *, timeout_s: float) -> Health:
        self._require_loop()
        headers, left_s = self._sender.key_headers, time_left(timeout_s)
        try:
            return Health(
                live=await self._client.is_server_live(headers, left_s()),
                ready=await self._client.is_server_ready(headers, left_s()),
                model_ready=await self._client.is_model_ready("vqa", headers=headers, client_timeout=left_s()),
            )
        except InferenceServerException as error:
            raise translated(error, self._sender.url, "server", timeout_s, "") from error
        except (asyncio.CancelledError, grpc.aio.UsageError) as error:
            _raise_as_closed(error, "server", "")

    async def close(self) -> None:
        await self._client.close()

    def _require_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise InvalidRequestError("an AsyncVqaClient belongs to one event loop, and this is another: make one here")


class AsyncVqaClient:
    """Asks a Vitrine server about product photos, from one event loop.

    Every method raises a `VitrineError`, and nothing else, when the photo, the
    question, the server or the deadline is at fault. A cancelled call is
    cancelled in the server too.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        timeout_s: float = 10.0,
        tls: TlsFiles | None = None,
        api_key: str | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        """See `VqaClient`; `transport` may be an `AsyncFakeTransport`."""
        self._timeout_s = require_timeout(timeout_s)
        self._transport = transport or AsyncGrpcTransport(url, tls=tls, api_key=api_key)

    async def __aenter__(self) -> "AsyncVqaClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def ask(
        self, photo: Photo, question: str, *, max_risk: float | None = None, timeout_s: float | None = None
    ) -> Answer:
        """See `VqaClient.ask`."""
        return await self._result_of(ask_call(await _encoded(photo), question, max_risk), timeout_s)

    async def ask_many(
        self,
        photo: Photo,
        questions: Iterable[str],
        *,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> list[Answer]:
        """See `VqaClient.ask_many`."""
        calls = ask_calls(await _encoded(photo), questions, max_risk)
        return [answer for call in calls for answer in await self._result_of(call, timeout_s)]

    async def choose(
        self,
        photo: Photo,
        question: str,
        candidates: Iterable[str],
        *,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> Choice:
        """See `VqaClient.choose`."""
        return await self._result_of(choose_call(await _encoded(photo), question, candidates, max_risk), timeout_s)

    async def embed(self, photo: Photo, *, timeout_s: float | None = None) -> Embedding:
        """See `VqaClient.embed`."""
        return await self._result_of(embed_call(await _encoded(photo)), timeout_s)

    async def health(self, *, timeout_s: float = 2.0) -> Health:
        """See `VqaClient.health`."""
        return await self._transport.health(timeout_s=require_timeout(timeout_s))

    async def _result_of(self, call: Call[Result], timeout_s: float | None) -> Result:
        timeout_s = self._timeout_s if timeout_s is None else require_timeout(timeout_s)
        with call.naming_its_part():
            tensors = await self._transport.infer(
                call.model, call.inputs, call.outputs, timeout_s=timeout_s, request_id=call.request_id
            )
        return call.result_from(tensors, call.request_id)


def _raise_as_closed(error: BaseException, model: str, request_id: str) -> NoReturn:
    """Unless the call was cancelled by its caller, which Python 3.10 cannot tell."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task is None or not hasattr(task, "cancelling") or task.cancelling() > 0:
            raise error
    raise error_from_code("CANCELLED", "the client is closed", model=model, request_id=request_id) from error


async def _encoded(photo: Photo) -> bytes:
    """Files are read and pictures encoded in a thread, so that the event loop goes on."""
    return bytes_from_photo(photo) if type(photo) is bytes else await asyncio.to_thread(bytes_from_photo, photo)
