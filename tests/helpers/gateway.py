"""The real Envoy with our configuration before servers of a test, and who may ask there."""

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vitrine_client import TlsFiles, VqaClient
from vitrine_client.transport import GrpcTransport

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.door.gateway_config import gateway_config, yaml_from_config
from serving.door.gateway_settings import GatewaySettings
from serving.door.process import envoy_binary
from serving.triton.ports import free_port
from tests.helpers.certificates import write_certificates
from tests.helpers.started import started

SOURCE = Path(__file__).parents[2] / "deploy" / "gateway"
KEY, SLOW_KEY = "k" * 64, "s" * 64
"""Keys of a shop, and of another."""
KEYS = f"[{{client: a-shop, key: {KEY}}}, {{client: another-shop, key: {SLOW_KEY}}}]"
PHOTO = photo_from_seed(first_seed("test") + 5, long_side_px=(300, 400)).jpeg_bytes()


@dataclass(frozen=True)
class Gateway:
    url: str
    tls: TlsFiles
    log: Path

    def client(self, key: str | None = KEY, *, retries: bool = True, timeout_s: float = 10) -> VqaClient:
        transport = GrpcTransport(self.url, tls=self.tls, api_key=key, retries=retries)
        return VqaClient(transport=transport, timeout_s=timeout_s)


@contextmanager
def envoy_before(servers: Sequence[str], folder: Path, credentials: str = KEYS, **settings: Any) -> Iterator[str]:
    """A port where Envoy serves our configuration, with certificates of `folder`/tls.

    Args:
        servers: their addresses.
        credentials: of those who may ask, as in keys.yaml.
        settings: of `GatewaySettings`, other than here.
    """
    write_certificates(folder / "tls")
    keys = (SOURCE / "keys.yaml").read_text("utf-8")
    assert keys.endswith("credentials: []\n")
    (folder / "keys.yaml").write_text(keys.replace("credentials: []", f"credentials: {credentials}"), "utf-8")
    port = free_port()
    smaller = GatewaySettings(
        servers=tuple(map(address, servers)),
        host="127.0.0.1",
        port=port,
        metrics_port=free_port(),
        tls=folder / "tls",
        keys=folder / "keys.yaml",
        log=folder / "access.log",
        rate_per_s=1000,
        # So that the tests need not send many requests at once.
        under_way=8,
        under_way_of_shop=5,
    )
    (folder / "envoy.yaml").write_text(yaml_from_config(gateway_config(replace(smaller, **settings))), "utf-8")
    command = [str(envoy_binary()), "-c", str(folder / "envoy.yaml"), "--concurrency", "1", "--disable-hot-restart"]
    command += ["--file-flush-interval-msec", "100", "-l", "warning"]
    with (folder / "error.log").open("wb") as errors, started(command, stderr=errors) as process:
        wait_until(lambda: is_listening(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "error.log").read_text("utf-8")
        yield f"localhost:{port}"


def address(url: str) -> tuple[str, int]:
    host, _, port = url.rpartition(":")
    return host, int(port)


def wait_until(is_so: Callable[[], bool], timeout_s: float = 15) -> None:
    end_s = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def is_listening(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
