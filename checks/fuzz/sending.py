"""Sends calls by their way, and says what came back."""

import asyncio
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
from tritonclient.grpc import service_pb2 as pb

from checks.fuzz.call import HTTP, HTTP2, STREAM, Call
from checks.fuzz.frames import FRAME_HEAD_BYTES, SETTINGS_ACK, http1_request, http2_request, is_end, is_settings

TIMEOUT_S = 20.0
_ODD_TIMEOUT_S = 2.0
_LENGTHS = frozenset({"content-length", "transfer-encoding", "expect"})
CLOSED, ANSWERED, NO_ANSWER, NOT_CONNECTED = "closed", "answered", "no answer in time", "not connected"
_COMPRESSION = {"gzip": grpc.Compression.Gzip, "deflate": grpc.Compression.Deflate, "": None}
_MOST_ANSWER_BYTES = 2**22
Outcome = tuple[str, str]
"""Pair of a code and all text that came with it."""


@dataclass(frozen=True)
class Target:
    grpc_url: str
    """HOST:PORT."""
    http_url: str | None = None
    """HOST:PORT; None: no HTTP."""
    authority: Path | None = None
    """PEM file of who signed the gRPC port's certificate. None: plain text."""
    api_key: str | None = None

    @property
    def key_headers(self) -> list[tuple[str, str]]:
        return [("authorization", f"Bearer {self.api_key}")] if self.api_key else []


class Sender:
    def __init__(self, target: Target, channel: grpc.aio.Channel) -> None:
        self._target = target
        self._channel = channel
        self._tls: ssl.SSLContext | None = None
        if target.authority:
            self._tls = ssl.create_default_context(cafile=target.authority)
            self._tls.set_alpn_protocols(["h2"])

    async def outcome(self, call: Call) -> Outcome:
        """Send a call and return what came back; whatever happens, it is a word for it, and no error."""
        if call.way == HTTP:
            return await self._by_hand(call, self._http_outcome)
        if call.way == HTTP2:
            return await self._by_hand(call, self._http2_outcome)
        try:
            return await (self._stream(call) if call.way == STREAM else self._ask(call))
        except grpc.aio.AioRpcError as error:
            return error.code().name, error.details() or ""

    async def _ask(self, call: Call) -> Outcome:
        await self._channel.unary_unary(call.method)(
            call.messages[0],
            timeout=TIMEOUT_S,
            metadata=[*self._target.key_headers, *call.headers],
            compression=_COMPRESSION[call.compression],
        )
        return "OK", ""

    async def _stream(self, call: Call) -> Outcome:
        stream = self._channel.stream_stream(call.method)(
            _each(call.messages),
            timeout=TIMEOUT_S,
            metadata=[*self._target.key_headers, *call.headers],
            compression=_COMPRESSION[call.compression],
        )
        messages = [pb.ModelStreamInferResponse.FromString(answer).error_message async for answer in stream]
        return "OK", "\n".join(filter(None, messages))

    async def _by_hand(self, call: Call, outcome: Callable[[Call], Awaitable[Outcome]]) -> Outcome:
        try:
            async with asyncio.timeout(_ODD_TIMEOUT_S if announces_more(call) else TIMEOUT_S):
                return await outcome(call)
        except TimeoutError:
            return NO_ANSWER, ""
        except ConnectionRefusedError:
            return NOT_CONNECTED, ""
        except (OSError, asyncio.IncompleteReadError):
            return CLOSED, ""

    async def _http2_outcome(self, call: Call) -> Outcome:
        """Send frames by hand. Codes are not read, for they come compressed; that something came is enough."""
        url = self._target.grpc_url
        headers = [*self._target.key_headers, *call.headers]
        sent = http2_request(
            call.method, b"".join(call.messages), headers, authority=url, is_encrypted=self._tls is not None
        )
        async with _connect(url, self._tls) as (reader, writer):
            writer.write(sent)
            while True:
                head = await reader.readexactly(FRAME_HEAD_BYTES)
                length, kind, flags = int.from_bytes(head[:3]), head[3], head[4]
                await reader.readexactly(length)
                if is_settings(kind, flags):
                    writer.write(SETTINGS_ACK)
                elif is_end(kind, flags, struct.unpack(">I", head[5:])[0]):
                    return ANSWERED, ""

    async def _http_outcome(self, call: Call) -> Outcome:
        assert self._target.http_url
        sent = http1_request(call.method, call.messages, call.headers, host=self._target.http_url)
        async with _connect(self._target.http_url, None) as (reader, writer):
            writer.write(sent)
            head = await reader.readline()
            if not head:
                return CLOSED, ""
            body = await reader.read(_MOST_ANSWER_BYTES)
            text = body.partition(b"\r\n\r\n")[2].decode("utf-8", "replace")
            return f"HTTP {head.split()[1].decode('ascii', 'replace')}", text


def announces_more(call: Call) -> bool:
    """Return whether a request over HTTP may announce more than it sends, so that nobody can answer it."""
    return call.way == HTTP and not _LENGTHS.isdisjoint(name for name, _ in call.headers)


@asynccontextmanager
async def sender_to(target: Target) -> AsyncIterator[Sender]:
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]
    options += [("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 500)]
    if target.authority:
        credentials = grpc.ssl_channel_credentials(target.authority.read_bytes())
        channel = grpc.aio.secure_channel(target.grpc_url, credentials, options=options)
    else:
        channel = grpc.aio.insecure_channel(target.grpc_url, options=options)
    async with channel:
        yield Sender(target, channel)


async def _each(messages: tuple[bytes, ...]) -> AsyncIterator[bytes]:
    for message in messages:
        yield message


@asynccontextmanager
async def _connect(
    url: str, tls: ssl.SSLContext | None
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    host, _, port = url.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port), ssl=tls, limit=2**20)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
