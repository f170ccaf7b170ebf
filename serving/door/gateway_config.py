"""The gateway's configuration for Envoy: API keys, rates, limits, retries and the names of servers.

The gateway stands in front of one or more servers, with what keeps hostile
requests out of an embedded server too (envoy.py). Callers see gRPC status
codes only, and nothing secret is logged.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from serving.door.envoy import (
    ADMIN_HEADERS,
    SERVICE,
    TYPES,
    Config,
    cluster,
    connection_manager,
    direct,
    listener,
    route,
    rules_filter,
    streams_route,
    to,
    whole,
)
from serving.door.replies import CLOSED, SLOW_REQUEST, STREAMS, TOO_LARGE, TOO_SLOW, LocalReply
from serving.triton.command import TlsSettings

SHOP_HEADER = "x-vitrine-shop"
_MODELS = ("vqa", "vqa_choose", "image_embedding", "photo_reading")
_STATES = ("ServerLive", "ServerReady", "ModelReady")
_LONGEST_CALL_S = 60
_MOST_SHOPS = 10_000
"""Number of shops whose rates are kept; Envoy's own default is 20, and a rate that it dropped begins anew."""
_LOG = (
    f"%START_TIME% %REQ({SHOP_HEADER}):40% %REQ(:PATH):80% %RESPONSE_CODE% grpc=%GRPC_STATUS% "
    "%BYTES_RECEIVED% bytes %DURATION% ms %UPSTREAM_HOST% %RESPONSE_FLAGS%\n"
)
REPLIES = (
    LocalReply(401, 16, "the API key is missing or not known: send authorization: Bearer KEY"),
    LocalReply(429, 8, "more requests a second than this API key may send: ask again in a second"),
    LocalReply(500, 13, "the gateway failed; its log has the reason"),
    LocalReply(503, 14, "no server took the request, or too many are under way: ask again in a second"),
    CLOSED,
    STREAMS,
    TOO_LARGE,
    TOO_SLOW,
    SLOW_REQUEST,
)


@dataclass(frozen=True)
class GatewaySettings:
    """Settings of one gateway."""

    servers: tuple[tuple[str, int], ...] = (("vitrine", 8001),)
    """Names and ports. A name is looked up again every few seconds, and may stand for several servers."""
    host: str = "0.0.0.0"  # noqa: S104  in a container, whose published ports decide
    port: int = 8443
    tls: Path = Path("/tls")
    """The folder of server.crt and server.key."""
    keys: Path = Path("/etc/vitrine/keys.yaml")
    log: Path = Path("/dev/stdout")
    rate_per_s: int = 50
    """Requests a second of one key; as many more may come at once."""
    under_way: int = 128
    """Calls at a time, of all shops. More are refused, before a photo is looked at."""
    under_way_of_shop: int = 64
    look_up_s: int = 5
    """Seconds between two look-ups of a name."""
    name_server: tuple[str, int] | None = None
    """Address of the name server. None: the system's."""


def gateway_config(gateway: GatewaySettings) -> Config:
    """Write the whole configuration; a file of keys lies beside it."""
    manager = connection_manager(
        routes=_routes(),
        filters=[
            _keys(gateway.keys),
            _rate(gateway.rate_per_s),
            rules_filter("gateway.lua", name="under_way", before=f"MOST_OF_SHOP = {gateway.under_way_of_shop}\n"),
            rules_filter("rules_grpc.lua", before=_models()),
        ],
        replies=REPLIES,
        early_header_mutation_extensions=[_without_their_shop()],
        request_headers_timeout="5s",
        request_timeout="15s",
        stream_idle_timeout=f"{_LONGEST_CALL_S + 15}s",
        access_log=[_access_log(gateway.log)],
    )
    tls = TlsSettings(gateway.tls / "server.crt", gateway.tls / "server.key")
    return whole(
        [listener(gateway.host, gateway.port, manager, tls=tls)], [_servers(gateway)], most_calls=gateway.under_way
    )


def _models() -> str:
    return f"MODELS = {{{', '.join(f'{name} = true' for name in _MODELS)}}}\n"


def _routes() -> list[Config]:
    """Route questions, and whether the servers are there; administration, and what there is not, is closed."""
    previous = f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    # A server that is not there, or says that it takes nothing, is passed over. What one has begun is not sent again:
    # the request itself may have ended it, and would end the next.
    retry = {
        "retry_on": "connect-failure,refused-stream,reset-before-request,unavailable",
        "num_retries": 2,
        "retry_host_predicate": [{"name": "previous_hosts", "typed_config": {"@type": previous}}],
        "host_selection_retry_max_attempts": 3,
    }
    onwards = to("servers", timeout=f"{_LONGEST_CALL_S}s", retry_policy=retry)
    closed = ("authorization", *ADMIN_HEADERS)
    return [
        route({"path": f"{SERVICE}/ModelInfer"}, onwards, without=closed),
        *(route({"path": f"{SERVICE}/{name}"}, onwards, without=closed, off=_RULES) for name in _STATES),
        streams_route(off=_RULES),
        direct({"prefix": "/"}, CLOSED, off=_RULES),
    ]


_RULES = ("rules", "under_way")


def _keys(file: Path) -> Config:
    """Let a filter read its whole configuration from the file of keys, also again when that is exchanged."""
    found = {
        "config_source": {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"},
        "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"],
    }
    return {"name": "keys", "config_discovery": found}


def _without_their_shop() -> Config:
    kind = f"{TYPES}.extensions.http.early_header_mutation.header_mutation.v3.HeaderMutation"
    return {"name": "shop", "typed_config": {"@type": kind, "mutations": [{"remove": SHOP_HEADER}]}}


def _rate(rate_per_s: int) -> Config:
    bucket = {"max_tokens": rate_per_s, "tokens_per_fill": rate_per_s, "fill_interval": "1s"}
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    unlimited = {"max_tokens": 2**31, "tokens_per_fill": 2**31, "fill_interval": "1s"}
    config = {
        "@type": f"{TYPES}.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "rate",
        "filter_enabled": everything,
        "filter_enforced": everything,
        "rate_limited_as_resource_exhausted": True,
        "token_bucket": unlimited,  # of all; each shop has one of its own
        "descriptors": [{"entries": [{"key": "shop"}], "token_bucket": bucket}],
        "max_dynamic_descriptors": _MOST_SHOPS,
        "rate_limits": [{"actions": [{"request_headers": {"header_name": SHOP_HEADER, "descriptor_key": "shop"}}]}],
    }
    return {"name": "rate", "typed_config": config}


def _access_log(file: Path) -> Config:
    config = {
        "@type": f"{TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
        "path": str(file),
        "log_format": {"text_format_source": {"inline_string": _LOG}},
    }
    return {"name": "calls", "typed_config": config}


def _servers(gateway: GatewaySettings) -> Config:
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}}
        for host, port in gateway.servers
    ]
    more: Config = {
        "dns_refresh_rate": f"{gateway.look_up_s}s",
        "dns_lookup_family": "V4_ONLY",
        # One that does not answer three times is left out for five seconds.
        "outlier_detection": {
            "split_external_local_origin_errors": True,
            "consecutive_5xx": 0,
            "enforcing_consecutive_5xx": 0,
            "enforcing_consecutive_gateway_failure": 0,
            "enforcing_success_rate": 0,
            "enforcing_local_origin_success_rate": 0,
            "consecutive_local_origin_failure": 3,
            "base_ejection_time": "5s",
            "max_ejection_time": "5s",
            "interval": "1s",
            "max_ejection_percent": 100,
        },
        "common_lb_config": {"healthy_panic_threshold": {"value": 0}},
    }
    if gateway.name_server:
        host, port = gateway.name_server
        resolver = {
            "@type": f"{TYPES}.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": host, "port_value": port}}],
            "dns_resolver_options": {"use_tcp_for_dns_lookups": False, "no_default_search_domain": True},
        }
        more["typed_dns_resolver_config"] = {"name": "cares", "typed_config": resolver}
    return cluster("servers", "STRICT_DNS", endpoints, most_calls=gateway.under_way, has_retries=True, **more)


class _Plain(yaml.SafeDumper):
    """Writes YAML without references, and code as it is written."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _represent_text(dumper: _Plain, text: str) -> yaml.Node:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if text.count("\n") > 1 else None)


_Plain.add_representer(str, _represent_text)


def yaml_from_config(config: Config) -> str:
    """Write a configuration as YAML, for people to read."""
    return yaml.dump(config, Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)
