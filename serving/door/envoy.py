"""Parts of Envoy's configuration that the embedded server's door and the gateway of production share.

Both keep out what ends Triton (rules_grpc.lua, rules_http.lua), and answer
callers of gRPC with its own status codes. They are plain objects of Envoy's
API v3, to be written as JSON or YAML.
"""

from pathlib import Path
from typing import Any

from serving.door.replies import STREAMS, LocalReply, reply_mapper
from serving.triton.command import TlsSettings

SERVICE = "/inference.GRPCInferenceService"
ADMIN_HEADERS = ("triton-grpc-protocol-admin-key", "admin-key")
LARGEST_BODY_BYTES = 17 * 2**20
"""A photo of 16 MiB, and its question."""
_FOLDER = Path(__file__).parent
TYPES = "type.googleapis.com/envoy"
_MOST_STREAMS = 2**14
UNLIMITED = 2**31
_CONNECT_TIMEOUT_S = 1
_MORE_HEAP_BYTES = 512 * 2**20
Config = dict[str, Any]


def whole(listeners: list[Config], clusters: list[Config], *, most_calls: int) -> Config:
    """Put a configuration together. Nobody can ask Envoy for statistics, so none are kept.

    Args:
        most_calls: at a time, whose largest photos fit in memory.
    """
    return {
        "node": {"id": "vitrine", "cluster": "vitrine"},
        "stats_config": {"stats_matcher": {"reject_all": True}},
        "static_resources": {"listeners": listeners, "clusters": clusters},
        "overload_manager": _overload(most_calls * LARGEST_BODY_BYTES + _MORE_HEAP_BYTES),
    }


def _overload(most_bytes: int) -> Config:
    """Let Envoy refuse requests near a size of its heap, rather than be killed with all that are under way."""
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
    """Listen at one address.

    Args:
        manager: what becomes of its connections; see `connection_manager`.
        tls: None: plain text.
    """
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
    *, routes: list[Config], filters: list[Config], replies: tuple[LocalReply, ...], is_http2: bool = True, **more: Any
) -> Config:
    """Say what a listener does with connections.

    Args:
        filters: that a request passes, in their order.
        replies: Envoy's own answers, to callers of gRPC.
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
        "local_reply_config": {"mappers": [reply_mapper(reply) for reply in replies]},
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
        "http_filters": [*filters, _router()],
        **more,
    }


def _router() -> Config:
    config = {
        "@type": f"{TYPES}.extensions.filters.http.router.v3.Router",
        "suppress_envoy_headers": True,
        "dynamic_stats": False,
    }
    return {"name": "router", "typed_config": config}


def rules_filter(file: str, *, name: str = "rules", before: str = "") -> Config:
    """Make a filter of Lua code.

    Args:
        file: of Lua code in this folder.
        before: Lua code that comes first.
    """
    code = before + (_FOLDER / file).read_text("utf-8")
    config = {"@type": f"{TYPES}.extensions.filters.http.lua.v3.Lua", "default_source_code": {"inline_string": code}}
    return {"name": name, "typed_config": config}


def to(cluster: str, **more: Any) -> Config:
    """Lead a route to a cluster.

    Args:
        more: further fields.
    """
    return {"cluster": cluster, "timeout": "0s", **more}


def route(match: Config, onwards: Config, *, off: tuple[str, ...] = (), without: tuple[str, ...] = ()) -> Config:
    """Let calls go on. A compressed body never gets on as one, whatever the rules say.

    Args:
        match: which calls, in Envoy's words.
        off: names of filters that do not look at these.
        without: headers that do not go on.
    """
    headers = ["grpc-encoding", "content-encoding", *without]
    return {"match": match, "route": onwards, "request_headers_to_remove": headers, **_switch_off(off)}


def direct(match: Config, reply: LocalReply, *, off: tuple[str, ...] = ()) -> Config:
    """Let Envoy itself answer calls."""
    answer = {"status": reply.http_status, "body": {"inline_string": reply.text}}
    return {"match": match, "direct_response": answer, **_switch_off(off)}


def streams_route(*, off: tuple[str, ...]) -> Config:
    """Refuse streams."""
    return direct({"path": f"{SERVICE}/ModelStreamInfer"}, STREAMS, off=off)


def _switch_off(filters: tuple[str, ...]) -> Config:
    disabled = {"@type": f"{TYPES}.extensions.filters.http.lua.v3.LuaPerRoute", "disabled": True}
    return {"typed_per_filter_config": dict.fromkeys(filters, disabled)} if filters else {}


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
    """Name servers that calls go on to.

    Args:
        kind: how Envoy finds them, such as "STRICT_DNS".
        most_calls: under way at a time; more are refused.
        more: further fields.
    """
    protocol: Config = {"http2_protocol_options": {}} if is_http2 else {"http_protocol_options": {}}
    extension = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    options = {"@type": f"type.googleapis.com/{extension}", "explicit_http_config": protocol}
    limits: Config = {"max_connections": UNLIMITED, "max_pending_requests": most_calls, "max_requests": most_calls}
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
