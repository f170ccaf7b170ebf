"""Settings of one gateway, and the headers by which it knows a shop and a photo."""

from dataclasses import dataclass
from pathlib import Path

SHOP_HEADER = "x-vitrine-shop"
"""The gateway's own: the name that a key stands for."""
PHOTO_HEADER = "x-vitrine-photo"
"""A caller's: the first 16 digits of its photo's SHA-256. Calls with the same one go to the same server."""
LONGEST_CALL_S = 60
Server = tuple[str, int]
"""Name and port. A name is looked up again every few seconds, and may stand for several servers."""


@dataclass(frozen=True)
class GatewaySettings:
    """Settings of one gateway."""

    servers: tuple[Server, ...] = (("vitrine", 8001),)
    host: str = "0.0.0.0"  # noqa: S104  in a container, whose published ports decide
    port: int = 8443
    metrics_port: int = 8444
    """Plain text, for a Prometheus in the same network."""
    tls: Path = Path("/tls")
    """The folder of server.crt and server.key."""
    keys: Path = Path("/etc/vitrine/keys.yaml")
    log: Path = Path("/dev/stdout")
    rate_per_s: int = 50
    """Requests a second of one key; as many more may come at once."""
    rate_of: tuple[tuple[str, int], ...] = ()
    """Names of shops that have another rate, with it."""
    under_way: int = 128
    """Calls at a time, of all shops. More are refused, before a photo is looked at."""
    under_way_of_shop: int = 64
    bulk: tuple[str, ...] = ()
    """Names of shops whose calls give way to all others'."""
    under_way_of_bulk: int = 2
    """Calls at a time, of all bulk shops together."""
    bulk_servers: tuple[Server, ...] = ()
    """Servers that get all bulk calls, and no others. None: bulk shares the servers of all."""
    canary: tuple[Server, ...] = ()
    """Servers of the next release, which get the share of calls that stands in `canary_file`."""
    canary_file: Path = Path("/etc/vitrine/canary.yaml")
    look_up_s: int = 5
    """Seconds between two look-ups of a name."""
    name_server: tuple[str, int] | None = None
    """Address of the name server. None: the system's."""
