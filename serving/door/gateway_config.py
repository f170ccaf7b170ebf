"""The gateway's configuration for Envoy: API keys, rates, limits, retries and the names of servers.

The gateway stands in front of one or more servers, with what keeps hostile
requests out of an embedded server too (envoy.py). Callers see gRPC status
codes only, and nothing secret is logged.
"""

from pathlib import Path
from typing import Any

import yaml

from serving.door.envoy import TYPES, Config, connection_manager, listener, rules_filter, whole
from serving.door.gateway_routes import canary_runtime, routes
from serving.door.gateway_servers import servers
from serving.door.gateway_settings import LONGEST_CALL_S, SHOP_HEADER, GatewaySettings
from serving.door.gateway_usage import admin, admin_cluster, metrics_listener, usage_loggers, usage_only
from serving.door.replies import CLOSED, SLOW_REQUEST, STREAMS, TOO_LARGE, TOO_SLOW, LocalReply
from serving.triton.command import TlsSettings

_MODELS = ("vqa", "vqa_choose", "image_embedding", "photo_reading")
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


def gateway_config(gateway: GatewaySettings) -> Config:
    """Write the whole configuration; a file of keys lies beside it."""
    manager = connection_manager(
        routes=routes(gateway),
        filters=[
            _keys(gateway.keys),
            _rate(gateway),
            rules_filter("gateway.lua", name="under_way", before=_most(gateway)),
            rules_filter("rules_grpc.lua", before=_models()),
        ],
        replies=REPLIES,
        early_header_mutation_extensions=[_without_their_shop()],
        request_headers_timeout="5s",
        request_timeout="15s",
        stream_idle_timeout=f"{LONGEST_CALL_S + 15}s",
        access_log=[_access_log(gateway.log), *usage_loggers()],
    )
    tls = TlsSettings(gateway.tls / "server.crt", gateway.tls / "server.key")
    config = whole(
        [listener(gateway.host, gateway.port, manager, tls=tls), metrics_listener(gateway)],
        [*servers(gateway), admin_cluster(gateway)],
        most_calls=gateway.under_way,
    )
    runtime = {"layered_runtime": canary_runtime(gateway)} if gateway.canary else {}
    return config | {"stats_config": usage_only(), "admin": admin(gateway)} | runtime


def _most(gateway: GatewaySettings) -> str:
    bulk = ", ".join(f'["{name}"] = true' for name in gateway.bulk)
    return f"MOST_OF_SHOP, MOST_OF_BULK, BULK = {gateway.under_way_of_shop}, {gateway.under_way_of_bulk}, {{{bulk}}}\n"


def _models() -> str:
    return f"MODELS = {{{', '.join(f'{name} = true' for name in _MODELS)}}}\n"


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


def _rate(gateway: GatewaySettings) -> Config:
    own = [_rate_entry({"key": "shop", "value": name}, rate_per_s) for name, rate_per_s in gateway.rate_of]
    everything = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    unlimited = {"max_tokens": 2**31, "tokens_per_fill": 2**31, "fill_interval": "1s"}
    config = {
        "@type": f"{TYPES}.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        "stat_prefix": "rate",
        "filter_enabled": everything,
        "filter_enforced": everything,
        "rate_limited_as_resource_exhausted": True,
        "token_bucket": unlimited,  # of all; each shop has one of its own
        "descriptors": [*own, _rate_entry({"key": "shop"}, gateway.rate_per_s)],
        "max_dynamic_descriptors": _MOST_SHOPS,
        "rate_limits": [{"actions": [{"request_headers": {"header_name": SHOP_HEADER, "descriptor_key": "shop"}}]}],
    }
    return {"name": "rate", "typed_config": config}


def _rate_entry(entry: Config, rate_per_s: int) -> Config:
    bucket = {"max_tokens": rate_per_s, "tokens_per_fill": rate_per_s, "fill_interval": "1s"}
    return {"entries": [entry], "token_bucket": bucket}


def _access_log(file: Path) -> Config:
    config = {
        "@type": f"{TYPES}.extensions.access_loggers.file.v3.FileAccessLog",
        "path": str(file),
        "log_format": {"text_format_source": {"inline_string": _LOG}},
    }
    return {"name": "calls", "typed_config": config}


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
