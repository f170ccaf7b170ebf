"""Answers that Envoy gives itself: known by their HTTP status, and given a status of gRPC for callers."""

from dataclasses import dataclass
from typing import Any

_NO_STREAMS, _CLOSED = 405, 403


@dataclass(frozen=True)
class LocalReply:
    """An answer of Envoy's own, to a caller of gRPC."""

    http_status: int
    """HTTP status by which Envoy knows the answer."""
    grpc_status: int
    """Number of gRPC's status code, such as 14, UNAVAILABLE."""
    text: str | None = None
    """The message; None: whoever answered has said it."""


UNAVAILABLE = LocalReply(503, 14, "the server is starting, or being started again: ask again in a second")
TOO_LARGE = LocalReply(413, 3, "the request has more than 17 MiB: send a photo of at most 16")
TOO_SLOW = LocalReply(504, 4, "no server answered in time")
SLOW_REQUEST = LocalReply(408, 4, "the request did not come in time")
STREAMS = LocalReply(_NO_STREAMS, 12, "streams are not served: send one request by ModelInfer, for no model streams")
CLOSED = LocalReply(_CLOSED, 7, "this is closed to callers of the gateway")


def reply_mapper(reply: LocalReply) -> dict[str, Any]:
    """Write one entry of Envoy's `local_reply_config.mappers`."""
    status = {"op": "EQ", "value": {"default_value": reply.http_status, "runtime_key": "-"}}
    value = str(reply.grpc_status)
    header = {"header": {"key": "grpc-status", "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    mapper: dict[str, Any] = {"filter": {"status_code_filter": {"comparison": status}}, "headers_to_add": [header]}
    if reply.text:
        mapper["body"] = {"inline_string": reply.text}
    return mapper
