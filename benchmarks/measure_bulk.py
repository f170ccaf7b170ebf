"""Latency of those who wait while another shop sends bulk, through the real gateway."""

import asyncio
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from vitrine_client import AsyncGrpcTransport, AsyncVqaClient, TlsFiles

from benchmarks.measure_overload import Answers, KnownQuestions, closed_loop, open_loop
from serving.door.gateway_config import gateway_config, yaml_from_config
from serving.door.gateway_settings import GatewaySettings
from serving.door.process import envoy_binary
from serving.server_process import Served, running_server
from serving.supervision.signals import end_on_signals
from serving.supervision.with_parent import with_parent
from serving.triton.ports import free_port

if TYPE_CHECKING:
    from benchmarks.bulk import BulkOptions

_DEPLOY = Path(__file__).parents[1] / "deploy"
_KEYS = {"shop": "s" * 64, "import": "i" * 64}
_WAYS = ("alone", "beside another shop", "beside bulk")
_TIMEOUT_S = 30.0
_MANY = 10**6


def measure_bulk(options: "BulkOptions") -> int:
    """Serve, ask in all three ways in turn, and print the figures. Returns the exit status."""
    end_on_signals()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([str(_DEPLOY / "test-certificates.sh"), str(folder / "tls")], check=True, capture_output=True)
        credentials = ", ".join(f"{{client: {shop}, key: {key}}}" for shop, key in _KEYS.items())
        keys = (_DEPLOY / "gateway" / "keys.yaml").read_text("utf-8")
        (folder / "keys.yaml").write_text(keys.replace("credentials: []", f"credentials: [{credentials}]"), "utf-8")
        with (
            running_server(options.repository, folder / "triton.log") as server,
            _gateway(folder, server, (), options) as plain,
            _gateway(folder, server, ("import",), options) as limited,
        ):
            return asyncio.run(_measure(server, (plain, limited), TlsFiles(str(folder / "tls" / "ca.crt")), options))


@contextmanager
def _gateway(folder: Path, server: Served, bulk: tuple[str, ...], options: "BulkOptions") -> Iterator[str]:
    """Run a gateway in front of the server; return its address."""
    host, _, port = server.url.rpartition(":")
    settings = GatewaySettings(
        servers=((host, int(port)),),
        host="127.0.0.1",
        port=free_port(),
        metrics_port=free_port(),
        tls=folder / "tls",
        keys=folder / "keys.yaml",
        log=Path("/dev/null"),
        rate_per_s=_MANY,
        bulk=bulk,
        under_way_of_bulk=options.under_way_of_bulk,
    )
    file = folder / f"envoy-{settings.port}.yaml"
    file.write_text(yaml_from_config(gateway_config(settings)), "utf-8")
    command = [str(envoy_binary()), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
    with subprocess.Popen(with_parent(command), start_new_session=True) as process:
        try:
            _wait_for(settings.port, process)
            yield f"localhost:{settings.port}"
        finally:
            process.kill()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.05)  # Envoy says nowhere that it listens
    raise RuntimeError(f"Envoy ended with status {process.returncode}")


async def _measure(server: Served, urls: tuple[str, str], tls: TlsFiles, options: "BulkOptions") -> int:
    async with AsyncExitStack() as stack:

        async def questions(url: str, shop: str) -> KnownQuestions:
            transport = AsyncGrpcTransport(url, tls=tls, api_key=_KEYS[shop])
            client = await stack.enter_async_context(AsyncVqaClient(transport=transport, timeout_s=_TIMEOUT_S))
            found = KnownQuestions(client)
            await found.learn()
            return found

        asking = {url: (await questions(url, "shop"), await questions(url, "import")) for url in urls}
        found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in _WAYS}
        for number in range(options.rounds):
            for way in (*_WAYS[number % 3 :], *_WAYS[: number % 3]):
                waiting, bulk = asking[urls[way == "beside bulk"]]
                callers = 0 if way == "alone" else options.bulk_callers
                found[way].append(await _one_way(server, waiting, bulk, callers, options))
    for way, rounds in found.items():
        p50_ms, p99_ms, bulk_per_s = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(f"{way:<22} p50 {p50_ms:6.1f} ms, p99 {p99_ms:6.1f} ms; {bulk_per_s:6.1f} answers/s of the other shop")
    return 0


async def _one_way(
    server: Served, waiting: KnownQuestions, bulk: KnownQuestions, callers: int, options: "BulkOptions"
) -> tuple[float, float, float]:
    """Measure median and 99th percentile of the latency, in ms, and the answers a second of the other shop."""
    load = asyncio.create_task(closed_loop(bulk, options.seconds, callers))
    answers, under_way = await open_loop(waiting, options.seconds, options.rate, [], server.process.pid)
    await asyncio.gather(*under_way)
    others: Answers = await load
    if answers.refused or answers.wrong or others.wrong:
        print(f"refused: {dict(answers.refused)}; wrong: {answers.wrong} and {others.wrong} of the other shop")
    times_ms = sorted(1000 * took_s for _, took_s in answers.times_s)
    return (
        statistics.median(times_ms),
        times_ms[min(len(times_ms) - 1, int(0.99 * len(times_ms)))],
        others.right / options.seconds,
    )
