"""Configurations of Envoy, the door in front of Triton: for the embedded server, and for the gateway of production.

Both keep out what ends Triton (rules_grpc.lua, rules_http.lua), and answer
callers of gRPC with its own status codes. They are plain objects of Envoy's
API v3, to be written as JSON or YAML.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from serving.triton.command import TlsSettings

SERVICE = "/inference.GRPCInferenceService"
ADMIN_HEADERS = ("triton-grpc-protocol-admin-key", "admin-key")
LARGEST_BODY_BYTES = 17 * 2**20
"""A photo of 16 MiB, and its question."""
_FOLDER = Path(__file__).parent
TYPES = "type.googleapis.com/envoy"
_MOST_STREAMS = 2**14
_UNLIMITED = 2**31
_CONNECT_TIMEOUT_S = 1
_UNDER_WAY = 128
_MORE_HEAP_BYTES = 512 * 2**20
Config = dict[str, Any]
_DOOR_TIMEOUTS: Config = {"request_headers_timeout": "10s", "request_timeout": "60s"}
"""How long a request may take to come; how long its answer may is the caller's deadline."""
_NO_STREAMS, _TOO_MANY, _CLOSED = 405, 429, 403
"""HTTP's status codes, by which Envoy's own answers are told apart and given one of gRPC."""


@dataclass(frozen=True)
class Said:
    """What a caller of gRPC hears when Envoy itself answers."""

    http: int
    grpc: int
    text: str | None = None
    """None: whoever answered has said it."""


UNAVAILABLE = Said(503, 14, "the server is starting, or being started again: ask again in a second")
TOO_LARGE = Said(413, 3, "the request has more than 17 MiB: send a photo of at most 16")
TOO_SLOW = Said(504, 4, "no server answered in time")
TOO_SLOW_A_BODY = Said(408, 4, "the request did not come in time")
STREAMS = Said(_NO_STREAMS, 12, "streams are not served: send one request by ModelInfer, for no model streams")
CLOSED = Said(_CLOSED, 7, "this is closed to callers of the gateway")
_OF_DOOR = (UNAVAILABLE, TOO_LARGE, TOO_SLOW, TOO_SLOW_A_BODY, STREAMS)


@dataclass(frozen=True)
class DoorSettings:
    """An embedded server's door: where it listens, and the sockets behind it."""

    host: str
    grpc_port: int
    grpc_socket: Path
    http_port: int | None = None
    http_socket: Path | None = None
    tls: TlsSettings | None = None


def door_config(door: DoorSettings) -> Config:
    """The whole configuration of an embedded server's door."""
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
                said=_OF_DOOR,
                **_DOOR_TIMEOUTS,
            ),
            tls=door.tls,
        )
    ]
    clusters = [_cluster_of_socket("grpc", door.grpc_socket, is_http2=True)]
    if door.http_port is not None and door.http_socket is not None:
        manager = connection_manager(
            routes=[route({"prefix": "/"}, to("http"))],
            filters=[rules_filter("rules_http.lua")],
            said=(),
            is_http2=False,
            **_DOOR_TIMEOUTS,
        )
        listeners.append(listener(door.host, door.http_port, manager))
        clusters.append(_cluster_of_socket("http", door.http_socket, is_http2=False))
    return whole(listeners, clusters, under_way=_UNDER_WAY)


def whole(listeners: list[Config], clusters: list[Config], *, under_way: int) -> Config:
    """All that Envoy needs. Nobody can ask it for statistics, so none are kept.

    Args:
        under_way: calls at a time whose largest photos fit in memory.
    """
    return {
        "node": {"id": "vitrine", "cluster": "vitrine"},
        "stats_config": {"stats_matcher": {"reject_all": True}},
        "static_resources": {"listeners": listeners, "clusters": clusters},
        "overload_manager": _overload(under_way * LARGEST_BODY_BYTES + _MORE_HEAP_BYTES),
    }


def _overload(most_bytes: int) -> Config:
    """What is under way fits in, be it the largest photos; more is refused rather than the whole of it killed."""
    heap = {"@type": f"{TYPES}.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"}
    return {
        "refresh_interval": "0.25s",
        "resource_monitors": [{"name": "heap", "typed_config": heap | {"max_heap_size_bytes": most_bytes}}],
        "actions": [
            {
                "name": "envoy.overload_actions.stop_accepting_requests",
                "triggers": [{"name": "heap", "threshold": {"value": 0.95}}],
            }
        ],
    }


def listener(host: str, port: int, manager: Config, *, tls: TlsSettings | None = None) -> Config:
    chain: Config = {"filters": [{"name": "http", "typed_config": manager}]}
    if tls:
        chain["transport_socket"] = {"name": "tls", "typed_config": _tls(tls)}
    return {
        "name": f"port {port}",
        "address": {"socket_address": {"address": host, "port_value": port}},
        "per_connection_buffer_limit_bytes": LARGEST_BODY_BYTES,
        "enable_reuse_port": False,  # one worker, and no second program at this port
        "filter_chains": [chain],
    }


def _tls(tls: TlsSettings) -> Config:
    files = {"certificate_chain": {"filename": str(tls.certificate)}, "private_key": {"filename": str(tls.key)}}
    common: Config = {
        "alpn_protocols": ["h2"],
        "tls_certificates": [files],
        "tls_params": {"tls_minimum_protocol_version": "TLSv1_2"},
    }
    if tls.client_authority:
        common["validation_context"] = {"trusted_ca": {"filename": str(tls.client_authority)}}
    return {
        "@type": f"{TYPES}.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
        "common_tls_context": common,
        "require_client_certificate": tls.client_authority is not None,
    }


def connection_manager(
    *, routes: list[Config], filters: list[Config], said: tuple[Said, ...], is_http2: bool = True, **more: Any
) -> Config:
    """What a listener does with connections.

    Args:
        said: Envoy's own answers, to callers of gRPC.
        more: further fields.
    """
    return {
        "@type": f"{TYPES}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "door",
        "codec_type": "HTTP2" if is_http2 else "HTTP1",
        "http2_protocol_options": {
            "max_concurrent_streams": _MOST_STREAMS,
            "initial_stream_window_size": LARGEST_BODY_BYTES,  # of 16 MiB, a photo of 16 MiB did not get through
            "initial_connection_window_size": 2 * LARGEST_BODY_BYTES,
        },
        "generate_request_id": False,
        "server_header_transformation": "PASS_THROUGH",
        "skip_xff_append": True,
        "stream_idle_timeout": "0s",  # a caller's own deadline counts
        "local_reply_config": {"mappers": [_mapper(one) for one in said]},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [*filters, _router()],
        **more,
    }


def _mapper(said: Said) -> Config:
    status = {"op": "EQ", "value": {"default_value": said.http, "runtime_key": "-"}}
    header = {"header": {"key": "grpc-status", "value": str(said.grpc)}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
    mapper: Config = {"filter": {"status_code_filter": {"comparison": status}}, "headers_to_add": [header]}
    if said.text:
        mapper["body"] = {"inline_string": said.text}
    return mapper


def _router() -> Config:
    config = {
        "@type": f"{TYPES}.extensions.filters.http.router.v3.Router",
        "suppress_envoy_headers": True,
        "dynamic_stats": False,
    }
    return {"name": "router", "typed_config": config}


def rules_filter(file: str, *, name: str = "rules", before: str = "") -> Config:
    """
    Args:
        file: of Lua code in this folder.
        before: Lua code that comes first.
    """
    code = before + (_FOLDER / file).read_text("utf-8")
    config = {"@type": f"{TYPES}.extensions.filters.http.lua.v3.Lua", "default_source_code": {"inline_string": code}}
    return {"name": name, "typed_config": config}


def to(cluster: str, **more: Any) -> Config:
    """Where a route leads.

    Args:
        more: further fields.
    """
    return {"cluster": cluster, "timeout": "0s", **more}


def route(match: Config, onwards: Config, *, off: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Config:
    """Calls that go on. A compressed body never gets on as one, whatever the rules say.

    Args:
        off: rules that do not look at these.
        without: headers that do not go on.
    """
    headers = ["grpc-encoding", "content-encoding", *without]
    return {"match": match, "route": onwards, "request_headers_to_remove": headers, **_switched_off(off)}


def direct(match: Config, said: Said, *, off: tuple[str, ...] = ()) -> Config:
    """Calls that Envoy answers itself."""
    answer = {"status": said.http, "body": {"inline_string": said.text}}
    return {"match": match, "direct_response": answer, **_switched_off(off)}


def streams_route(*, off: tuple[str, ...]) -> Config:
    """Streams, which are refused."""
    return direct({"path": f"{SERVICE}/ModelStreamInfer"}, STREAMS, off=off)


def _switched_off(filters: tuple[str, ...]) -> Config:
    disabled = {"@type": f"{TYPES}.extensions.filters.http.lua.v3.LuaPerRoute", "disabled": True}
    return {"typed_per_filter_config": dict.fromkeys(filters, disabled)} if filters else {}


def _cluster_of_socket(name: str, socket: Path, *, is_http2: bool) -> Config:
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(socket)}}}}
    return cluster(name, "STATIC", [endpoint], most_calls=_UNLIMITED, is_http2=is_http2)


def cluster(
    name: str,
    kind: str,
    endpoints: list[Config],
    *,
    most_calls: int,
    is_http2: bool = True,
    has_retries: bool = False,
    **more: Any,
) -> Config:
    """Servers that calls go on to.

    Args:
        kind: how Envoy finds them, such as "STRICT_DNS".
        most_calls: under way at a time; more are refused.
        more: further fields.
    """
    protocol: Config = {"http2_protocol_options": {}} if is_http2 else {"http_protocol_options": {}}
    extension = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {"@type": f"type.googleapis.com/{extension}", "explicit_http_config": protocol}
    limits: Config = {"max_connections": _UNLIMITED, "max_pending_requests": most_calls, "max_requests": most_calls}
    if has_retries:  # a fifth of what is under way, so that trying again is no load of its own
        limits["retry_budget"] = {"budget_percent": {"value": 20.0}, "min_retry_concurrency": 8}
    return {
        "name": name,
        "type": kind,
        "connect_timeout": f"{_CONNECT_TIMEOUT_S}s",
        "per_connection_buffer_limit_bytes": LARGEST_BODY_BYTES,
        "typed_extension_protocol_options": {extension: options},
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": endpoints}]},
        **more,
    }
