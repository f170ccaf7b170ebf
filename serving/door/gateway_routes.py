"""Routes of the gateway: questions go to the servers, those of bulk or the canary; administration is closed."""

from serving.door.envoy import ADMIN_HEADERS, SERVICE, TYPES, Config, direct, route, streams_route, to
from serving.door.gateway_servers import BULK_SERVERS, CANARY_FIRST, SERVERS
from serving.door.gateway_settings import LONGEST_CALL_S, PHOTO_HEADER, SHOP_HEADER, GatewaySettings
from serving.door.replies import CLOSED

CANARY_KEY = "vitrine.canary_percent"
"""Name of the share of calls, in percent, that the file of the canary gives."""
_CANARY_LAYER = "canary"
_STATES = ("ServerLive", "ServerReady", "ModelReady")
_RULES = ("rules", "under_way")
_CLOSED_HEADERS = ("authorization", *ADMIN_HEADERS)


def routes(gateway: GatewaySettings) -> list[Config]:
    """Route questions, and whether the servers are there; administration, and what there is not, is closed."""
    question, onwards = {"path": f"{SERVICE}/ModelInfer"}, _onwards(SERVERS)
    canary = [route(_share(question), _onwards(CANARY_FIRST), without=_CLOSED_HEADERS)] if gateway.canary else []
    bulk = [
        route(question | _of_shop(shop), _onwards(BULK_SERVERS), without=_CLOSED_HEADERS)
        for shop in (gateway.bulk if gateway.bulk_servers else ())
    ]
    return [
        *bulk,
        *canary,
        route(question, onwards, without=_CLOSED_HEADERS),
        *(route({"path": f"{SERVICE}/{name}"}, onwards, without=_CLOSED_HEADERS, off=_RULES) for name in _STATES),
        streams_route(off=_RULES),
        direct({"prefix": "/"}, CLOSED, off=_RULES),
    ]


def _onwards(cluster: str) -> Config:
    # A server that is not there, or says that it takes nothing, is passed over. What one has begun is not sent again:
    # the request itself may have ended it, and would end the next.
    previous = f"{TYPES}.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate"
    retry: Config = {
        "retry_on": "connect-failure,refused-stream,reset-before-request,unavailable",
        "num_retries": 2,
        "retry_host_predicate": [{"name": "previous_hosts", "typed_config": {"@type": previous}}],
        "host_selection_retry_max_attempts": 16,  # of two servers, the next on the ring is the same one half the time
    }
    if cluster == CANARY_FIRST:
        previous = f"{TYPES}.extensions.retry.priority.previous_priorities.v3.PreviousPrioritiesConfig"
        retry["retry_priority"] = {"name": "servers", "typed_config": {"@type": previous, "update_frequency": 1}}
    by_photo = [{"header": {"header_name": PHOTO_HEADER}}]
    return to(cluster, timeout=f"{LONGEST_CALL_S}s", hash_policy=by_photo, retry_policy=retry)


def _of_shop(shop: str) -> Config:
    # The key tells the shop after Envoy has chosen a route for the first time: gateway.lua lets it choose again.
    return {"headers": [{"name": SHOP_HEADER, "string_match": {"exact": shop}}]}


def _share(match: Config) -> Config:
    none = {"numerator": 0, "denominator": "HUNDRED"}
    return match | {"runtime_fraction": {"default_value": none, "runtime_key": CANARY_KEY}}


def canary_runtime(gateway: GatewaySettings) -> Config:
    """Let Envoy read the canary's share from its file, also again when that is exchanged."""
    # The folder is watched, since Kubernetes exchanges a link in it, and the file behind that.
    file = {"path": str(gateway.canary_file), "watched_directory": {"path": str(gateway.canary_file.parent)}}
    source = {"path_config_source": file, "resource_api_version": "V3"}
    return {"layers": [{"name": _CANARY_LAYER, "rtds_layer": {"name": _CANARY_LAYER, "rtds_config": source}}]}


def canary_share(percent: int) -> Config:
    """Write the content of the canary's file."""
    kind = "type.googleapis.com/envoy.service.runtime.v3.Runtime"
    return {"resources": [{"@type": kind, "name": _CANARY_LAYER, "layer": {CANARY_KEY: percent}}]}
