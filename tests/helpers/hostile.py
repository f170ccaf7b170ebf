"""Requests that end Triton 2.51, in every spelling that protobuf reads, and what cannot be looked into."""

import gzip
import struct
from dataclasses import dataclass
from typing import Any

import grpc
from tritonclient.grpc import service_pb2

INFER = "/inference.GRPCInferenceService/ModelInfer"
_KEY = b"classification"
_NO_CLASSES = "the classification extension is not served: ask for an output without class_count"
_ODD = "the request is not as protobuf writes it: send a ModelInferRequest of KServe's protocol, by a client library"
_NO_SEQUENCES = "sequences are not served: leave sequence_id, sequence_start and sequence_end out"
_LONG_NAME = "the model's name, its version or the request's id has more than 80 bytes: send a shorter one"
_LONG_TENSOR = "an input's or output's name, data type or shape has more than 80 bytes: see docs/reference/contract.md"
_TOO_LONG = "a parameter or an output has more than 4096 bytes: leave the parameter out, send the output's name"
_COMPRESSED = "compressed requests are not taken: send it as it is, for photos are compressed already"


@dataclass(frozen=True)
class Hostile:
    body: bytes
    """A message of protobuf, or what is sent as one."""
    code: grpc.StatusCode = grpc.StatusCode.INVALID_ARGUMENT
    message: str = _NO_CLASSES
    compression: grpc.Compression | None = None


def question(
    photo: bytes = b"no photo", text: str = "What is it?", model: str = "vqa"
) -> service_pb2.ModelInferRequest:
    """A request as the client's own, but for the outputs: none is named, so all come."""
    made = service_pb2.ModelInferRequest(model_name=model)
    for name, value in (("IMAGE", photo), ("QUESTION", text.encode())):
        made.inputs.add(name=name, datatype="BYTES", shape=[1, 1])
        made.raw_input_contents.append(struct.pack("<I", len(value)) + value)
    return made


def field(number: int, content: bytes, *, tag_bytes: int = 1, length_bytes: int = 0) -> bytes:
    """A field of bytes, with its tag and length written in more bytes than are needed."""
    return _varint(number * 8 + 2, tag_bytes) + _varint(len(content), length_bytes) + content


def _varint(value: int, least_bytes: int) -> bytes:
    found = bytearray()
    while value >= 0x80 or len(found) + 1 < least_bytes:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def wanted(
    *, key: bytes | None = None, before: bytes = b"", count: bytes = b"\x10\x01", name: bytes = b"ANSWER"
) -> bytes:
    """The content of an output that asks for classes.

    Args:
        key: the field of the parameter's name.
        before: fields in front of it.
        count: the parameter's value, an int64_param.
    """
    entry = before + (field(1, _KEY) if key is None else key) + field(2, count)
    return field(1, name) + field(2, entry)


def _requests() -> dict[str, Hostile]:
    plain = question().SerializeToString()
    ask = field(6, wanted())
    many = b"".join(field(6, field(1, b"ANSWER")) for _ in range(30))
    wide = question()
    wide.inputs[0].parameters["note"].string_param = "x" * 3000  # the output lies far behind the first kilobyte
    sequence = question()
    sequence.parameters["sequence_id"].string_param = "abc"
    named = {
        f"a long {name}": field(number, b"x" * 81) for number, name in ((1, "model"), (2, "version"), (3, "request id"))
    }
    long_tensors = {
        "an input with a long name": field(5, field(1, b"x" * 81)),
        "an input with a long shape": field(5, field(1, b"IMAGE") + field(3, b"\1" * 81)),
        "an output with a long name": field(6, field(1, b"x" * 81)),
        "an input with a shape in two parts": field(5, field(1, b"IMAGE") + 2 * field(3, b"\1")),
    }
    shared = question()
    wanted_of = shared.outputs.add(name="ANSWER")
    wanted_of.parameters["classification"].int64_param = 1
    return {
        "as the client writes it": Hostile(shared.SerializeToString()),
        "as its last field": Hostile(plain + ask),
        "as its first field": Hostile(ask + plain),
        "of the thirtieth output": Hostile(plain + many + ask),
        "behind a long parameter": Hostile(wide.SerializeToString() + ask),
        "a key whose length has two bytes": Hostile(plain + field(6, wanted(key=field(1, _KEY, length_bytes=2)))),
        "a key whose length has five bytes": Hostile(plain + field(6, wanted(key=field(1, _KEY, length_bytes=5)))),
        "a key whose tag has five bytes": Hostile(plain + field(6, wanted(key=field(1, _KEY, tag_bytes=5)))),
        "a key that is said twice": Hostile(plain + field(6, wanted(before=field(1, b"other")))),
        "an output whose length has five bytes": Hostile(plain + field(6, wanted(), length_bytes=5)),
        "a count of another spelling": Hostile(plain + field(6, wanted(count=b"\x90\x00\x81\x00"))),
        "an output whose tag has two bytes": Hostile(plain + field(6, wanted(), tag_bytes=2), message=_ODD),
        "an output whose tag is too large by 2**32": Hostile(
            plain + b"\xb2\x80\x80\x80\x10" + field(6, wanted())[1:], message=_ODD
        ),
        "inside a group": Hostile(plain + b"\x3b" + ask + b"\x3c", message=_ODD),
        "behind a field that is not known": Hostile(plain + b"\x40\x01" + ask, message=_ODD),
        "cut short": Hostile((plain + ask)[:-1], message=_ODD),
        "an output of 5,000 bytes": Hostile(
            plain + field(6, wanted(name=b"x" * 5000)),
            message=_TOO_LONG,
        ),
        "a text for a sequence's number": Hostile(sequence.SerializeToString(), message=_NO_SEQUENCES),
        **{name: Hostile(plain + odd, message=_LONG_NAME) for name, odd in named.items()},
        **{name: Hostile(plain + odd, message=_LONG_TENSOR) for name, odd in long_tensors.items()},
        "an input's name behind a tag of two bytes": Hostile(
            plain + field(5, field(1, b"x" * 81, tag_bytes=2)), message=_ODD
        ),
        "an input of 17 fields": Hostile(
            plain + field(5, field(5, b"") * 17), message="an input or output has more than 16 fields: send fewer"
        ),
        "300 outputs": Hostile(
            plain + field(6, b"") * 300,
            message="the request has more than 256 inputs, outputs and parameters: send fewer",
        ),
        "compressed": Hostile(
            shared.SerializeToString(), grpc.StatusCode.UNIMPLEMENTED, _COMPRESSED, grpc.Compression.Gzip
        ),
    }


HOSTILE = _requests()
DEEP = b'{"inputs":' + b"[" * 200_000
HTTP_BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "too deep": (DEEP, {}, 413),
    "too deep, and short": (DEEP[:5000], {}, 400),
    "too deep, behind a text with an escaped quote": (b'{"a":"\\\\\\"","b":' + b"[" * 5000, {}, 400),
    "too deep, in front of a photo": (DEEP[:5000] + b"photo", {"Inference-Header-Content-Length": "5000"}, 400),
    "a length that is no number": (DEEP[:5000], {"Inference-Header-Content-Length": "10, 5000"}, 400),
    "a length of nothing": (DEEP[:5000], {"Inference-Header-Content-Length": "-1"}, 400),
    "a length beyond the end": (b"{}", {"Inference-Header-Content-Length": "3"}, 400),
    "compressed": (gzip.compress(DEEP), {"Content-Encoding": "gzip"}, 415),
    "a sequence": (b'{"parameters":{"sequence_id":"abc"}}', {}, 400),
    "a shape of more than there is": (
        b'{"inputs":[{"name":"IMAGE","datatype":"FP32","shape":[1, 1099511627776],"data":[1]}]}',
        {},
        400,
    ),
    "a shape that overflows": (
        b'{"inputs":[{"name":"IMAGE","datatype":"FP32","shape":[2147483648,2147483648],"data":[1]}]}',
        {},
        400,
    ),
    "a shape in scientific notation": (b'{"inputs":[{"name":"IMAGE","shape" : [1e3, -1e9]}]}', {}, 400),
    "classes": (b'{"outputs":[{"name":"ANSWER","parameters":{"classification" : 1}}]}', {}, 400),
    "classes, with a letter escaped": (b'{"outputs":[{"parameters":{"\\u0063lassification":1}}]}', {}, 400),
    "classes, with a capital escape": (b'{"outputs":[{"parameters":{"classificatio\\u006E":1}}]}', {}, 400),
}
"""Of HTTP: a body, headers, and the status that comes."""


def call_raw(channel: grpc.Channel, request: Hostile, **options: Any) -> Any:
    """Send bytes as they are."""
    return channel.unary_unary(INFER)(request.body, timeout=10, compression=request.compression, **options)
