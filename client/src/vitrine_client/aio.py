"""The client for asyncio: the same calls, results and errors as `VqaClient`'s, awaited."""

import asyncio
from collections.abc import Iterable
from types import TracebackType

from vitrine_client.aio_transport import AsyncGrpcTransport, AsyncTransport
from vitrine_client.calls import Call, Result, ask_call, ask_calls, choose_call, embed_call
from vitrine_client.channel import TlsFiles
from vitrine_client.contract import CHECK_TIMEOUT_S, ContractCheck
from vitrine_client.errors import InvalidRequestError, VitrineError
from vitrine_client.photos import Photo, bytes_from_photo
from vitrine_client.reading import Reading
from vitrine_client.reading_calls import read_call
from vitrine_client.results import Answer, Choice, Embedding, Health
from vitrine_client.settings import connection_settings, timeout_setting
from vitrine_client.several import OF_ONE_PHOTO, ProductAnswer, Refusal, joined, photos_of_product
from vitrine_client.text_answers import (
    answer_from_text,
    context_with_text,
    fact_asked,
    refuses_context,
    refuses_every_context,
)
from vitrine_client.timeouts import require_timeout, time_left


class AsyncVqaClient:
    """Asks a Vitrine server about product photos, from one event loop: that of its first call.

    Every method raises a `VitrineError`, and nothing else, when the photo, the
    question, the server or the deadline is at fault. A cancelled call is
    cancelled in the server too.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        timeout_s: float | None = None,
        tls: TlsFiles | None = None,
        api_key: str | None = None,
        transport: AsyncTransport | None = None,
    ) -> None:
        """Take the arguments of `VqaClient`; `transport` may be an `AsyncFakeTransport`. No loop needs to run yet."""
        self._timeout_s = timeout_setting(timeout_s)
        self._transport = transport or AsyncGrpcTransport(**connection_settings(url, tls, api_key))
        self._contract = ContractCheck()
        self._no_context_in = ""
        """Release that takes no context, so that reading helps with printed facts alone; "": none is known."""

    async def __aenter__(self) -> "AsyncVqaClient":
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        await self._transport.close()

    async def ask(
        self,
        photo: Photo,
        question: str,
        *,
        context: str | None = None,
        max_risk: float | None = None,
        details: bool = True,
        read_text: bool = False,
        timeout_s: float | None = None,
    ) -> Answer:
        """Ask one question about one photo; see `VqaClient.ask`."""
        encoded = await _encode(photo)
        call = ask_call(encoded, question, max_risk, context, details=details)
        if not read_text or (self._no_context_in and fact_asked(question) is None):
            answer = await self._result_of(call, timeout_s)
            if answer.release != self._no_context_in:
                self._no_context_in = ""  # another release may take a context
            return answer
        left_s = time_left(self._timeout_s if timeout_s is None else require_timeout(timeout_s))
        reading = await self._result_of(read_call(encoded, max_risk), left_s())
        if printed := await asyncio.to_thread(answer_from_text, question, reading):
            return printed
        known = context_with_text(context, reading)
        if known != context and reading.release != self._no_context_in:
            try:
                return await self._result_of(ask_call(encoded, question, max_risk, known, details=details), left_s())
            except InvalidRequestError as error:
                if not refuses_context(error):
                    raise
                self._no_context_in = reading.release if refuses_every_context(error) else ""
        return await self._result_of(call, left_s())

    async def ask_many(
        self,
        photo: Photo,
        questions: Iterable[str],
        *,
        context: str | None = None,
        max_risk: float | None = None,
        details: bool = True,
        timeout_s: float | None = None,
    ) -> list[Answer]:
        """Ask several questions about one photo; see `VqaClient.ask_many`."""
        calls = ask_calls(await _encode(photo), questions, max_risk, context, details=details)
        return [answer for call in calls for answer in await self._result_of(call, timeout_s)]

    async def ask_product(
        self,
        photos: Iterable[Photo],
        question: str,
        *,
        context: str | None = None,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> ProductAnswer:
        """Ask one question about several photos of one product; see `VqaClient.ask_product`."""

        async def ask_one(photo: Photo) -> Answer | Refusal:
            try:
                return await self.ask(photo, question, context=context, max_risk=max_risk, timeout_s=timeout_s)
            except OF_ONE_PHOTO as error:
                return error

        return joined(await asyncio.gather(*map(ask_one, photos_of_product(photos))))

    async def choose(
        self,
        photo: Photo,
        question: str,
        candidates: Iterable[str],
        *,
        context: str | None = None,
        max_risk: float | None = None,
        timeout_s: float | None = None,
    ) -> Choice:
        """Ask which of a list of allowed answers is right; see `VqaClient.choose`."""
        return await self._result_of(
            choose_call(await _encode(photo), question, candidates, max_risk, context), timeout_s
        )

    async def embed(self, photo: Photo, *, timeout_s: float | None = None) -> Embedding:
        """Turn a photo into a vector; see `VqaClient.embed`."""
        return await self._result_of(embed_call(await _encode(photo)), timeout_s)

    async def read(self, photo: Photo, *, max_risk: float | None = None, timeout_s: float | None = None) -> Reading:
        """Read the text and the codes in a photo; see `VqaClient.read`."""
        return await self._result_of(read_call(await _encode(photo), max_risk), timeout_s)

    async def health(self, *, timeout_s: float = 2.0) -> Health:
        """Ask how the server is; see `VqaClient.health`."""
        return await self._transport.health(timeout_s=require_timeout(timeout_s))

    async def _result_of(self, call: Call[Result], timeout_s: float | None) -> Result:
        timeout_s = self._timeout_s if timeout_s is None else require_timeout(timeout_s)
        with call.naming_its_part():
            try:
                tensors = await self._transport.infer(
                    call.model, call.inputs, call.outputs, timeout_s=timeout_s, request_id=call.request_id
                )
            except InvalidRequestError as error:
                if self._contract.is_due(error):
                    self._contract.require_same(await self._contract_version(), error)
                raise
        return call.result_from(tensors, call.request_id)

    async def _contract_version(self) -> int | None:
        try:
            return (await self._transport.health(timeout_s=CHECK_TIMEOUT_S)).contract_version
        except VitrineError:
            return None


async def _encode(photo: Photo) -> bytes:
    """Read and encode a photo in a thread, so that the event loop goes on."""
    return bytes_from_photo(photo) if type(photo) is bytes else await asyncio.to_thread(bytes_from_photo, photo)
