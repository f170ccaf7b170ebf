"""`python -m serving.door.gateway`: write the gateway's configuration for Envoy, deploy/gateway/envoy.yaml."""

import sys
from dataclasses import asdict, dataclass
from typing import Annotated

from command_line.options import options_from_arguments
from command_line.values import Argument, Count
from serving.door.gateway_config import GatewaySettings, gateway_config, yaml_from_config


def _server(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 2**16:
        raise ValueError(f"{text[:80]!r} came, but a server's HOST:PORT is expected, such as vitrine:8001")
    return host, int(port)


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
    under_way: Count = GatewaySettings.under_way
    """Calls at a time, of all shops."""
    under_way_of_shop: Count = GatewaySettings.under_way_of_shop
    """Calls at a time of one shop."""


def main() -> int:
    options = options_from_arguments(GatewayOptions, "python -m serving.door.gateway")
    print("# Written by `python -m serving.door.gateway`, whose options change rates, limits and servers: see --help.")
    print(yaml_from_config(gateway_config(GatewaySettings(**asdict(options)))), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
