"""`python -m serving.door.gateway`: write the gateway's configuration for Envoy, deploy/gateway/envoy.yaml."""

import re
import sys
from dataclasses import asdict, dataclass
from typing import Annotated

from command_line.options import options_from_arguments
from command_line.values import Argument, Count, File, whole_number
from serving.door.gateway_config import gateway_config, yaml_from_config
from serving.door.gateway_settings import GatewaySettings


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ValueError(f"{text[:80]!r} came, but a server's HOST:PORT is expected, such as vitrine:8001")
    return host, int(port)


def _shop(text: str) -> str:
    if not _SHOP.fullmatch(text):
        raise ValueError(f"{text[:80]!r} came, but a shop's name in keys.yaml is expected: letters, digits, - _ . only")
    return text


def _rate(text: str) -> tuple[str, int]:
    shop, equals, rate = text.rpartition("=")
    if not equals:
        raise ValueError(f"{text[:80]!r} came, but a shop's name and its rate are expected, as in a-shop=20")
    return _shop(shop), whole_number(1)(rate)


_SHOP = re.compile(r"[A-Za-z0-9._-]{1,64}")
_Shop = Annotated[str, Argument(_shop, "NAME")]
_Rate = Annotated[tuple[str, int], Argument(_rate, "NAME=RATE")]
_Server = Annotated[tuple[str, int], Argument(_server, "HOST:PORT")]


@dataclass(frozen=True)
class GatewayOptions:
    """Write the gateway's configuration for Envoy to standard output.

    Example: python -m serving.door.gateway --server one:8001 > deploy/gateway/envoy.yaml
    """

    servers: Annotated[tuple[_Server, ...], Argument(flag="--server", is_repeated=True)] = GatewaySettings.servers
    """Server to send calls to; again for each (default: vitrine:8001)."""
    rate_per_s: Count = GatewaySettings.rate_per_s
    """Requests a second of one key; as many more may come at once."""
    rate_of: Annotated[tuple[_Rate, ...], Argument(is_repeated=True)] = ()
    """Requests a second of one shop, in place of --rate-per-s; again for each."""
    under_way: Count = GatewaySettings.under_way
    """Calls at a time, of all shops."""
    under_way_of_shop: Count = GatewaySettings.under_way_of_shop
    """Calls at a time of one shop."""
    bulk: Annotated[tuple[_Shop, ...], Argument(is_repeated=True)] = ()
    """Shop whose calls are bulk, and give way to all others'; again for each."""
    under_way_of_bulk: Count = GatewaySettings.under_way_of_bulk
    """Bulk calls at a time, of all such shops."""
    bulk_servers: Annotated[tuple[_Server, ...], Argument(flag="--bulk-server", is_repeated=True)] = ()
    """Server that bulk calls go to, and no others, such as one that leaves the processor to others; again for each."""
    canary: Annotated[tuple[_Server, ...], Argument(is_repeated=True)] = ()
    """Server of the next release, which gets a share of the questions, see python -m serving.canary; again for each."""
    canary_file: File = GatewaySettings.canary_file
    """File that has the share, as the gateway sees it."""

    def __post_init__(self) -> None:
        if self.bulk_servers and not self.bulk:
            raise ValueError("--bulk-server is for bulk calls: name the shops whose calls are bulk with --bulk")


def main() -> int:
    options = options_from_arguments(GatewayOptions, "python -m serving.door.gateway")
    print("# Written by `python -m serving.door.gateway`, whose options change rates, limits and servers: see --help.")
    print(yaml_from_config(gateway_config(GatewaySettings(**asdict(options)))), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
