"""The servers behind the gateway: which one gets a call, who is passed over, and the canary before the others."""

from serving.door.envoy import TYPES, Config, cluster
from serving.door.gateway_settings import GatewaySettings, Server

SERVERS, BULK_SERVERS, CANARY, CANARY_FIRST = "servers", "bulk_servers", "canary", "canary_first"
_MOST_OF_MEAN_PERCENT = 150
"""A server with more calls under way than this share of the mean is passed over, so that a hot photo spreads."""


def servers(gateway: GatewaySettings) -> list[Config]:
    """Name the servers, those of bulk and the canary, where there are such."""
    found = [_servers(SERVERS, gateway.servers, gateway)]
    if gateway.bulk_servers:
        found.append(_servers(BULK_SERVERS, gateway.bulk_servers, gateway))
    if gateway.canary:
        found += [_servers(CANARY, gateway.canary, gateway), _canary_first(gateway)]
    return found


def _servers(name: str, addresses: tuple[Server, ...], gateway: GatewaySettings) -> Config:
    """Let the photo's digest choose among servers; a call without one goes to any of them."""
    endpoints = [
        {"endpoint": {"address": {"socket_address": {"address": host, "port_value": port}}}} for host, port in addresses
    ]
    more: Config = {
        "lb_policy": "RING_HASH",
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
        "common_lb_config": {
            "healthy_panic_threshold": {"value": 0},
            "consistent_hashing_lb_config": {"hash_balance_factor": _MOST_OF_MEAN_PERCENT},
        },
    }
    if gateway.name_server:
        host, port = gateway.name_server
        resolver = {
            "@type": f"{TYPES}.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": host, "port_value": port}}],
            "dns_resolver_options": {"use_tcp_for_dns_lookups": False, "no_default_search_domain": True},
        }
        more["typed_dns_resolver_config"] = {"name": "cares", "typed_config": resolver}
    return cluster(name, "STRICT_DNS", endpoints, most_calls=gateway.under_way, has_retries=True, **more)


def _canary_first(gateway: GatewaySettings) -> Config:
    """Put the canary before the servers, which get what it refuses, and everything while it is gone."""
    together = {"@type": f"{TYPES}.extensions.clusters.aggregate.v3.ClusterConfig", "clusters": [CANARY, SERVERS]}
    config = cluster(CANARY_FIRST, "", [], most_calls=gateway.under_way, has_retries=True)
    for name in ("type", "load_assignment"):
        del config[name]
    kind = {"name": "envoy.clusters.aggregate", "typed_config": together}
    return config | {"cluster_type": kind, "lb_policy": "CLUSTER_PROVIDED"}
