"""Draws requests that travel oddly: streams, compression that lies, frames by hand, other encodings."""

import gzip
import random
import zlib

from checks.fuzz.call import HTTP2, INFER, STREAM, STREAM_INFER, Call, Header
from checks.fuzz.encodings import encode_oddly, nest_groups
from checks.fuzz.frames import grpc_message
from checks.fuzz.well_formed import WellFormed

_ENCODINGS = ("gzip", "deflate", "identity", "snappy", "", "gzip,gzip", "x" * 100)
_TIMEOUTS = ("10S", "1H", "0n", "99999999H", "-1S", "", "1x", "99999999999999S")
_BOMB_BYTES = 2**23


def stream(draw: random.Random, good: WellFormed) -> Call:
    """Draw several requests in one stream, bad ones among good, some asking for gRPC's own errors."""
    requests = []
    for _ in range(draw.choice((0, 1, 2, 4, 8, 8))):
        kind = draw.randrange(5)
        made = (good.request, good.request, good.with_parameters, good.contents, good.in_sequence)[kind]()
        requests.append(bytes(made.SerializeToString()) if draw.random() < 0.95 else draw.randbytes(30))
    headers: tuple[Header, ...] = good.headers() if draw.random() < 0.3 else ()
    if draw.random() < 0.5:
        headers += (("triton_grpc_error", "true"),)
    return Call("stream", STREAM_INFER, tuple(requests), STREAM, headers, draw.choice(("", "", "gzip")))


def compressed_request(draw: random.Random, good: WellFormed) -> Call:
    """Draw a request that gRPC's own library compresses."""
    content = draw.choice((good.request, good.with_classification, good.with_parameters))()
    return Call(
        "compressed", INFER, (bytes(content.SerializeToString()),), compression=draw.choice(("gzip", "deflate"))
    )


def odd_encoding(draw: random.Random, good: WellFormed) -> Call:
    """Draw a message in bytes that few encoders write."""
    content = draw.choice((good.request, good.with_classification, good.with_parameters))().SerializeToString()
    return Call("odd encoding", INFER, (encode_oddly(draw, content),))


def deep_groups(draw: random.Random, good: WellFormed) -> Call:
    """Draw groups in groups: readers give up, or have no stack left."""
    depth = draw.choice((50, 99, 101, 5_000, 100_000))
    return Call("deep groups", INFER, (good.request().SerializeToString() + nest_groups(depth),))


def frames_by_hand(draw: random.Random, good: WellFormed) -> Call:
    """Draw prefixes, compression and headers that no library would send."""
    content = bytes(draw.choice((good.request, good.request, good.with_classification))().SerializeToString())
    headers: list[Header] = [*good.headers()] if draw.random() < 0.4 else []
    flag = draw.choice((0, 0, 1, 1, 1, 2, 255))
    kind = draw.choice(("gzip", "deflate", "plain", "cut short", "damaged", "bomb"))
    body = content
    if kind in ("gzip", "cut short", "damaged"):
        body = gzip.compress(content, 1, mtime=0)
    elif kind == "deflate":
        body = zlib.compress(content, 1)
    elif kind == "bomb":
        body = gzip.compress(content + bytes(_BOMB_BYTES), 1, mtime=0) if draw.random() < 0.1 else content
    if kind == "cut short":
        body = body[: draw.randrange(len(body))]
    elif kind == "damaged":
        at = draw.randrange(len(body))
        body = body[:at] + draw.randbytes(4) + body[at + 4 :]
    says = kind if kind in ("gzip", "deflate") and draw.random() < 0.7 else draw.choice(_ENCODINGS)
    headers.append(("grpc-encoding", says))
    if draw.random() < 0.3:
        headers.append(("grpc-timeout", draw.choice(_TIMEOUTS)))
    if draw.random() < 0.1:
        headers.append((draw.choice(("content-type", "te", ":path", "X-Upper", "grpc-status")), "0"))
    length = None if draw.random() < 0.85 else draw.choice((0, 1, len(body) + 1, 2**31 - 1, 2**32 - 1))
    messages = [grpc_message(body, flag=flag, length=length)]
    if draw.random() < 0.1:
        messages.append(draw.choice((messages[0], b"\0", draw.randbytes(9))))
    return Call("by hand", INFER, tuple(messages), HTTP2, tuple(headers))
