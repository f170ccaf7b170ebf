"""Requests of HTTP/2 and HTTP/1.1 as bytes, made by hand: what a well-behaved library does not let one send."""

import struct
from collections.abc import Iterable, Sequence

from checks.fuzz.call import Header

_DATA, _HEADERS, _SETTINGS, _WINDOW_UPDATE = 0, 1, 4, 8
_END_STREAM, _END_HEADERS, _ACK = 1, 4, 1
_WINDOW_SETTING = 4
_MOST_WINDOW = 2**31 - 1
_FIRST_WINDOW = 65_535
_FRAME_BYTES = 16_000
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
FRAME_HEAD_BYTES = 9


def grpc_message(content: bytes, *, flag: int = 0, length: int | None = None) -> bytes:
    """A message with its prefix.

    Args:
        flag: 1 says that it is compressed.
        length: None: the true one.
    """
    return struct.pack(">BI", flag, len(content) if length is None else length) + content


def http2_request(
    path: str, body: bytes, headers: Iterable[Header], *, authority: str, is_encrypted: bool = False
) -> bytes:
    """Write all that a new connection sends for one gRPC call."""
    fields: list[Header] = [
        (":method", "POST"), (":scheme", "https" if is_encrypted else "http"), (":path", path),
        (":authority", authority), ("te", "trailers"), ("content-type", "application/grpc"), *headers,
    ]  # fmt: skip
    wide = struct.pack(">HI", _WINDOW_SETTING, _MOST_WINDOW)
    found = [
        PREFACE,
        _frame(_SETTINGS, 0, 0, wide),
        _frame(_WINDOW_UPDATE, 0, 0, struct.pack(">I", _MOST_WINDOW - _FIRST_WINDOW)),
        _frame(_HEADERS, _END_HEADERS, 1, b"".join(_literal(*field) for field in fields)),
    ]
    pieces = [body[at : at + _FRAME_BYTES] for at in range(0, len(body), _FRAME_BYTES)] or [b""]
    found += [_frame(_DATA, 0, 1, piece) for piece in pieces[:-1]]
    return b"".join([*found, _frame(_DATA, _END_STREAM, 1, pieces[-1])])


def is_end(kind: int, flags: int, stream: int) -> bool:
    """Return whether a server's frame ends an answer or the connection: trailers, RST_STREAM, GOAWAY."""
    return kind in (3, 7) or (stream == 1 and kind in (_DATA, _HEADERS) and bool(flags & _END_STREAM))


def is_settings(kind: int, flags: int) -> bool:
    return kind == _SETTINGS and not flags & _ACK


SETTINGS_ACK = struct.pack(">I", 0)[1:] + bytes([_SETTINGS, _ACK]) + bytes(4)


def http1_request(method: str, chunks: Sequence[bytes], headers: Iterable[Header], *, host: str) -> bytes:
    """A request that closes its connection.

    Args:
        method: with the path, such as "POST /v2/models/vqa/infer".
        chunks: the body; of several, each goes in a chunk of its own if the headers say "transfer-encoding".
        headers: a length among them is sent as it is, be it a lie.
    """
    fields = [*headers]
    names = {name.lower() for name, _ in fields}
    body = b"".join(chunks)
    if "transfer-encoding" in names:
        body = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks if chunk) + b"0\r\n\r\n"
    elif "content-length" not in names:
        fields.append(("content-length", str(len(body))))
    lines = [f"{method} HTTP/1.1".encode(), b"host: " + host.encode(), b"connection: close"]
    lines += [name.encode("utf-8", "replace") + b": " + _plain(value) for name, value in fields]
    return b"\r\n".join([*lines, b"", body])


def _frame(kind: int, flags: int, stream: int, content: bytes) -> bytes:
    return struct.pack(">I", len(content))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + content


def _literal(name: str, value: str | bytes) -> bytes:
    """A header in HPACK's plainest form: neither indexed nor compressed (RFC 7541, 6.2.2)."""
    return b"\0" + _with_length(name.encode("utf-8", "replace")) + _with_length(_plain(value))


def _with_length(value: bytes) -> bytes:
    length = len(value)
    if length < 127:
        return bytes([length]) + value
    found = bytearray([127])
    length -= 127
    while length > 127:
        found.append(length & 127 | 128)
        length >>= 7
    found.append(length)
    return bytes(found) + value


def _plain(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace")
