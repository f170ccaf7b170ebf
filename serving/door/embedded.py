"""The configuration of an embedded server's door: Envoy in front of Triton's sockets, on one machine."""

from dataclasses import dataclass
from pathlib import Path

from serving.door.envoy import (
    SERVICE,
    UNLIMITED,
    Config,
    cluster,
    connection_manager,
    listener,
    route,
    rules_filter,
    streams_route,
    to,
    whole,
)
from serving.door.replies import SLOW_REQUEST, STREAMS, TOO_LARGE, TOO_SLOW, UNAVAILABLE
from serving.triton.command import TlsSettings

_CALLS = 128
"""Number of calls at a time whose largest photos fit in Envoy's memory."""
_TIMEOUTS: Config = {"request_headers_timeout": "10s", "request_timeout": "60s"}
"""Time in which a request must have come; how long its answer may take is the caller's deadline."""
_REPLIES = (UNAVAILABLE, TOO_LARGE, TOO_SLOW, SLOW_REQUEST, STREAMS)


@dataclass(frozen=True)
class DoorSettings:
    """An embedded server's door: where it listens, and the sockets behind it."""

    host: str
    grpc_port: int
    grpc_socket: Path
    http_port: int | None = None
    """None: no HTTP."""
    http_socket: Path | None = None
    tls: TlsSettings | None = None
    """None: gRPC in plain text."""


def door_config(door: DoorSettings) -> Config:
    """Write the whole configuration of an embedded server's door."""
    listeners = [
        listener(
            door.host,
            door.grpc_port,
            connection_manager(
                routes=[
                    route({"path": f"{SERVICE}/ModelInfer"}, to("grpc")),
                    streams_route(off=("rules",)),
                    route({"prefix": "/"}, to("grpc"), off=("rules",)),
                ],
                filters=[rules_filter("rules_grpc.lua")],
                replies=_REPLIES,
                **_TIMEOUTS,
            ),
            tls=door.tls,
        )
    ]
    clusters = [_cluster_of_socket("grpc", door.grpc_socket, is_http2=True)]
    if door.http_port is not None and door.http_socket is not None:
        manager = connection_manager(
            routes=[route({"prefix": "/"}, to("http"))],
            filters=[rules_filter("rules_http.lua")],
            replies=(),
            is_http2=False,
            **_TIMEOUTS,
        )
        listeners.append(listener(door.host, door.http_port, manager))
        clusters.append(_cluster_of_socket("http", door.http_socket, is_http2=False))
    return whole(listeners, clusters, most_calls=_CALLS)


def _cluster_of_socket(name: str, socket: Path, *, is_http2: bool) -> Config:
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(socket)}}}}
    return cluster(name, "STATIC", [endpoint], most_calls=UNLIMITED, is_http2=is_http2)
