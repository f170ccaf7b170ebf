"""Counters of calls by shop, and the page that shows them to Prometheus.

A call is counted where its key is known, so that nobody else makes a counter.
The rest of Envoy's administration stays closed: it listens inside its own
container, knows one path, and only this page leads there.
"""

from serving.door.envoy import TYPES, Config, cluster, connection_manager, direct, listener
from serving.door.gateway_settings import SHOP_HEADER, GatewaySettings
from serving.door.replies import CLOSED

PREFIX = "vitrine_gateway"
_PAGE = "/stats/prometheus"
_REFUSED = ("RESOURCE_EXHAUSTED", "UNAVAILABLE", "INVALID_ARGUMENT", "PERMISSION_DENIED", "UNIMPLEMENTED")
_OUTCOMES = {
    "ok": {"statuses": ["OK"]},
    "refused": {"statuses": list(_REFUSED)},
    "failed": {"statuses": ["OK", *_REFUSED], "exclude": True},
}
"""Classes of gRPC's status codes."""


def usage_loggers() -> list[Config]:
    """Count each call of a known shop once, by what came of it, and the bytes that it sent."""
    return [_logger(outcome, {"grpc_status_filter": statuses}) for outcome, statuses in _OUTCOMES.items()]


def _logger(outcome: str, has_status: Config) -> Config:
    has_shop = {"header_filter": {"header": {"name": SHOP_HEADER, "present_match": True}}}
    shop = {"name": "shop", "value_format": f"%REQ({SHOP_HEADER}):64%"}
    tags = [shop, {"name": "outcome", "value_format": outcome}]
    counters = [
        {"stat": {"name": "calls_total", "tags": tags}, "value_fixed": 1},
        {"stat": {"name": "received_bytes_total", "tags": tags}, "value_format": "%BYTES_RECEIVED%"},
    ]
    config = {
        "@type": f"{TYPES}.extensions.access_loggers.stats.v3.Config",
        "stats_scope": {"prefix": PREFIX},
        "counters": counters,
    }
    return {"name": outcome, "filter": {"and_filter": {"filters": [has_shop, has_status]}}, "typed_config": config}


def usage_only() -> Config:
    """Let Envoy keep these statistics and no others."""
    return {"stats_matcher": {"inclusion_list": {"patterns": [{"prefix": f"{PREFIX}."}]}}}


def admin(gateway: GatewaySettings) -> Config:
    """Let Envoy's administration listen inside its own container only, and show nothing but the statistics."""
    return {"address": _admin_address(gateway), "allow_paths": [{"exact": _PAGE}]}


def metrics_listener(gateway: GatewaySettings) -> Config:
    """Show the counters at GET /metrics."""
    get = {"name": ":method", "string_match": {"exact": "GET"}}
    page = {
        "match": {"path": "/metrics", "headers": [get]},
        "route": {"cluster": "admin", "prefix_rewrite": _PAGE},
    }
    manager = connection_manager(
        routes=[page, direct({"prefix": "/"}, CLOSED)], filters=[], replies=(), is_http2=False, request_timeout="15s"
    )
    return listener(gateway.host, gateway.metrics_port, manager)


def admin_cluster(gateway: GatewaySettings) -> Config:
    """Name Envoy's own administration."""
    endpoint = {"endpoint": {"address": _admin_address(gateway)}}
    return cluster("admin", "STATIC", [endpoint], most_calls=8, is_http2=False)


def _admin_address(gateway: GatewaySettings) -> Config:
    return {"pipe": {"path": f"@vitrine-gateway-{gateway.port}"}}  # abstract: of this container's network, and no file
