"""Describes one thing to send: by which way, to what, with which headers; and keeps it in a file, to be sent again."""

import base64
import json
import re
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from checks.fuzz.encodings import fields_of
from vitrine_steps.file_format import FIELD, FormatError, require_format

UNARY, STREAM, HTTP2, HTTP = "unary", "stream", "http2", "http"
"""Ways: gRPC's own library; the same with several messages; frames of HTTP/2 by hand, where headers and compression can
lie; HTTP/1.1 by hand."""
INFER = "/inference.GRPCInferenceService/ModelInfer"
STREAM_INFER = "/inference.GRPCInferenceService/ModelStreamInfer"
Header = tuple[str, str | bytes]
CALL_FORMAT = 1
_PARAMETERS, _OUTPUTS = 4, 6
"""Fields of ModelInferRequest."""
_VALUE, _STRING = 2, 3
"""Fields of an entry of parameters, and of its value."""
_MOST_JSON_DEPTH = 100
_MOST_INFLATED_BYTES = 2**24
_HUGE_SHAPE = re.compile(rb'"shape": ?\[[^\]]*\d{7}')
_ODD_WEIGHT = re.compile(r"q=[^,]*e", re.IGNORECASE)


@dataclass(frozen=True)
class Call:
    """One thing to send."""

    kind: str
    method: str
    """A path; of HTTP, with its verb before it."""
    messages: tuple[bytes, ...]
    """Of gRPC: messages without their prefix. By hand (`HTTP2`): with it, so that it can lie. Of HTTP: the body, in
    chunks where there are several."""
    way: str = UNARY
    headers: tuple[Header, ...] = ()
    compression: str = ""
    """Compression that gRPC's library applies: "gzip", "deflate" or none."""

    def content(self) -> bytes:
        """Return all that is sent, to tell what of it an answer says again."""
        return b"\n".join(
            [self.method.encode(), *self.messages, *(part for header in self.headers for part in map(_bytes, header))]
        )


def ends_2_51(call: Call) -> str | None:
    """Say what a call has of that which is known to end a Triton 2.51 that no door stands before; None: nothing.

    A door has to keep these out. On loopback, without one, they are left out.
    """
    names: dict[str, str] = {}
    for name, value in call.headers:  # some come twice
        names[name] = f"{names.get(name, '')},{value!r}"
    if call.way == STREAM or call.method == STREAM_INFER:
        return "a stream that asks for gRPC's errors" if "triton_grpc_error" in names else _deadly(call.messages)
    if call.way == HTTP:
        if _ODD_WEIGHT.search(names.get("accept-encoding", "")):
            return "a weight of Accept-Encoding that overflows"
        body = _inflate(b"".join(call.messages))
        if max(body.count(b"["), body.count(b"{")) > _MOST_JSON_DEPTH:
            return "JSON nested deep"
        if _HUGE_SHAPE.search(body):
            return "JSON whose shape asks for more memory than there is"
        if "transfer-encoding" in names and len(call.messages) > 1000:
            return "many chunks"
        if b"lassification" in body:  # also where a key is written with escapes
            return "classification"
        return "a sequence that is named by a text" if b'"sequence_id": "' in body else None
    if call.way == HTTP2:
        return _deadly([_inflate(message[5:]) for message in call.messages])
    return _deadly(call.messages)


def _deadly(messages: Iterable[bytes]) -> str | None:
    """Look at the bytes: a parameter with an unknown field is one to Triton, and none to Python's protobuf."""
    for message in messages:
        if b"classification" not in message and b"sequence_id" not in message:
            continue
        for number, _, value in fields_of(message):
            if number == _OUTPUTS and b"classification" in value:
                return "classification"
            if number == _PARAMETERS and b"sequence_id" in value and _holds_text(value):
                return "a sequence that is named by a text"
    return None


def _holds_text(parameter: bytes) -> bool:
    values = (value for number, _, value in fields_of(parameter) if number == _VALUE)
    return any(number == _STRING for value in values for number, _, _ in fields_of(value))


def _inflate(body: bytes) -> bytes:
    """Return a body without its compression, where it begins as gzip or zlib."""
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, _MOST_INFLATED_BYTES) or body
    except zlib.error:
        return body


def _bytes(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("utf-8", "replace")


def write_call(call: Call, file: Path) -> None:
    """Write a call to a file of JSON, from which it can be sent again."""
    headers = [[name, value if isinstance(value, str) else {"base64": _text(value)}] for name, value in call.headers]
    content = {
        FIELD: CALL_FORMAT,
        "kind": call.kind, "way": call.way, "method": call.method, "headers": headers, "compression": call.compression,
        "messages": [_text(message) for message in call.messages],
    }  # fmt: skip
    file.write_text(json.dumps(content, indent=1), "utf-8")


def call_from_file(file: Path) -> Call:
    """Read a call that `write_call` wrote.

    Raises:
        ValueError: the file holds no call, or one of another format.
    """
    try:
        content = json.loads(file.read_text("utf-8"))
        require_format(content, CALL_FORMAT, file=file, remedy="send it with the version that kept it")
        headers = tuple(
            (name, value if isinstance(value, str) else base64.b64decode(value["base64"]))
            for name, value in content["headers"]
        )
        messages = tuple(base64.b64decode(message) for message in content["messages"])
        return Call(content["kind"], content["method"], messages, content["way"], headers, content["compression"])
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(f"{file} is not a call that fuzzing has kept") from error


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
