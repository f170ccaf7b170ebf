"""Latency of those who wait while another shop sends bulk, through the real gateway."""

import asyncio
import multiprocessing
import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrine_client import AsyncGrpcTransport, AsyncVqaClient, TlsFiles

from benchmarks.measure_overload import KnownQuestions, closed_loop, open_loop
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
_ALONE, _OTHER_SHOP, _LIMITED, _APART = (
    "alone", "beside another shop", "beside bulk", "beside bulk, its server nice",
)  # fmt: skip
_TIMEOUT_S = 30.0
_MANY = 10**6
_NICENESS = 19


def measure_bulk(options: "BulkOptions") -> int:
    """Serve, ask in all ways in turn, and print the figures. Returns the exit status."""
    end_on_signals()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        subprocess.run([str(_DEPLOY / "test-certificates.sh"), str(folder / "tls")], check=True, capture_output=True)
        credentials = ", ".join(f"{{client: {shop}, key: {key}}}" for shop, key in _KEYS.items())
        keys = (_DEPLOY / "gateway" / "keys.yaml").read_text("utf-8")
        (folder / "keys.yaml").write_text(keys.replace("credentials: []", f"credentials: [{credentials}]"), "utf-8")
        most = options.under_way_of_bulk
        with (
            running_server(options.repository, folder / "triton.log") as server,
            running_server(options.repository, folder / "bulk.log", niceness=_NICENESS) as nice,
            _gateway(folder, server) as plain,
            _gateway(folder, server, bulk=("import",), under_way_of_bulk=most) as limited,
            _gateway(
                folder, server, bulk=("import",), under_way_of_bulk=most, bulk_servers=(_address(nice.url),)
            ) as apart,
        ):
            urls = {_ALONE: plain, _OTHER_SHOP: plain, _LIMITED: limited, _APART: apart}
            found: dict[str, list[tuple[float, float, float]]] = {way: [] for way in urls}
            tls = TlsFiles(str(folder / "tls" / "ca.crt"))
            for number in range(options.rounds):
                first = number % len(urls)
                for way in [*urls][first:] + [*urls][:first]:
                    callers = 0 if way == _ALONE else options.bulk_callers
                    found[way].append(_one_way(server, urls[way], tls, callers, options))
    for way, rounds in found.items():
        p50_ms, p99_ms, bulk_per_s = (statistics.median(values) for values in zip(*rounds, strict=True))
        print(f"{way:<29} p50 {p50_ms:6.1f} ms, p99 {p99_ms:6.1f} ms; {bulk_per_s:6.1f} answers/s of the other shop")
    return 0


def _address(url: str) -> tuple[str, int]:
    host, _, port = url.rpartition(":")
    return host, int(port)


@contextmanager
def _gateway(folder: Path, server: Served, **more: Any) -> Iterator[str]:
    """Run a gateway in front of the server; return its address."""
    settings = GatewaySettings(
        servers=(_address(server.url),),
        host="127.0.0.1",
        port=free_port(),
        metrics_port=free_port(),
        tls=folder / "tls",
        keys=folder / "keys.yaml",
        log=Path("/dev/null"),
        rate_per_s=_MANY,
        **more,
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


def _one_way(
    server: Served, url: str, tls: TlsFiles, callers: int, options: "BulkOptions"
) -> tuple[float, float, float]:
    """Measure median and 99th percentile of the latency, in ms, and the answers a second of the other shop."""
    spawn = multiprocessing.get_context("spawn")
    here, there = spawn.Pipe()
    # In a process of its own: what it does shall not delay those whose latency is measured.
    load = spawn.Process(target=_send_bulk, args=(there, url, tls, options.seconds, callers), daemon=True)
    load.start()
    there.close()  # so that an end of it is seen here
    times_s = asyncio.run(_latencies_s(server, url, tls, here, options))
    right, wrong = here.recv()
    load.join()
    if wrong:
        print(f"wrong: {wrong} of the other shop")
    times_ms = sorted(1000 * took_s for took_s in times_s)
    return (
        statistics.median(times_ms),
        times_ms[min(len(times_ms) - 1, int(0.99 * len(times_ms)))],
        right / options.seconds,
    )


async def _latencies_s(
    server: Served, url: str, tls: TlsFiles, load: Connection, options: "BulkOptions"
) -> list[float]:
    async with _client(url, tls, "shop") as client:
        waiting = KnownQuestions(client)
        await waiting.learn()
        await asyncio.to_thread(load.recv)  # the other shop is ready
        load.send("go")
        answers, under_way = await open_loop(waiting, options.seconds, options.rate, [], server.process.pid)
        await asyncio.gather(*under_way)
    if answers.refused or answers.wrong:
        print(f"refused: {dict(answers.refused)}; wrong: {answers.wrong}")
    return [took_s for _, took_s in answers.times_s]


def _send_bulk(told: Connection, url: str, tls: TlsFiles, seconds: float, callers: int) -> None:
    """Ask all the time, once told to go; then tell how many answers were right and wrong."""

    async def send() -> tuple[int, int]:
        async with _client(url, tls, "import") as client:
            questions = KnownQuestions(client)
            if callers:
                await questions.learn()
            told.send("ready")
            told.recv()
            found = await closed_loop(questions, seconds, callers)
        return found.right, found.wrong

    os.nice(_NICENESS)
    told.send(asyncio.run(send()))


def _client(url: str, tls: TlsFiles, shop: str) -> AsyncVqaClient:
    return AsyncVqaClient(transport=AsyncGrpcTransport(url, tls=tls, api_key=_KEYS[shop]), timeout_s=_TIMEOUT_S)
