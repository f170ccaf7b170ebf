"""Measures reading of text: one photo at a time, under load, and again."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count, islice
from statistics import median, quantiles

import httpx
import psutil
from tqdm import tqdm
from vitrine_client import VqaClient

from benchmarks.systems import suspend
from benchmarks.text import TextBenchmarkOptions
from builders.text.parity import rapidocr_pipeline
from builders.text.weights import text_weights
from catalogue.labels import label_from_seed
from serving.supervision.server import EmbeddedServer
from serving.supervision.with_parent import with_parent
from serving.triton.command import ServerSettings
from serving.triton.ports import free_port

_LINES = 10
_POOL = 32
_CALLERS = 16
_TIMEOUT_S = 60.0
_READY_S = 60.0
Read = Callable[[bytes], object]


def measure_text_reading(options: TextBenchmarkOptions) -> int:
    """Returns the exit status."""
    with ExitStack() as stack:
        settings = ServerSettings(options.repository, grpc_port=0, metrics_port=None)
        server = stack.enter_context(EmbeddedServer(settings))
        client = stack.enter_context(VqaClient(server.url, timeout_s=_TIMEOUT_S))
        labels = _labels()
        _one_by_one(client, labels, options.photos)
        url, pid = stack.enter_context(_peer())
        http = stack.enter_context(httpx.Client(timeout=_TIMEOUT_S, limits=httpx.Limits(max_connections=_CALLERS)))

        def ask_peer(photo: bytes) -> object:
            return http.post(f"{url}/read", content=photo).raise_for_status()

        for _ in range(3):
            ask_peer(next(labels))
        rates: list[tuple[float, float]] = []
        for _ in tqdm(range(options.rounds), desc="rounds under load", disable=None):
            with suspend([pid]):
                ours = _rate(client.read, labels, options.seconds)
            rates.append((ours, _rate(ask_peer, labels, options.seconds)))
    ratios = [ours / theirs for ours, theirs in rates]
    print(
        f"{_CALLERS} callers, new photos of {_LINES} lines: {median(r[0] for r in rates):.2f} photos a second served, "
    )
    print(
        f"  {median(r[1] for r in rates):.2f} rapidocr behind FastAPI: {median(ratios):.2f} times ({_spread(ratios)})"
    )
    return 0


def _labels() -> Iterator[bytes]:
    """Photos of labels of ten lines: a few are drawn, and come again with bytes at the end that no cache knows."""
    drawn = (label_from_seed(seed) for seed in count(200_000))
    pool = [label.jpeg_bytes() for label in islice((one for one in drawn if len(one.lines) == _LINES), _POOL)]
    return (pool[number % _POOL] + number.to_bytes(8, "big") for number in count())


def _one_by_one(client: VqaClient, labels: Iterator[bytes], photos: int) -> None:
    pipeline = rapidocr_pipeline(text_weights("small"))
    systems: dict[str, Read] = {"served": client.read, "rapidocr": pipeline}
    for read in systems.values():
        read(next(labels))
    times: dict[str, list[float]] = {"served": [], "rapidocr": [], "again": []}
    for number in tqdm(range(photos), desc="one by one", disable=None):
        photo = next(labels)
        for name in sorted(systems, reverse=bool(number % 2)):
            times[name].append(_time_ms(systems[name], photo))
        times["again"].append(_time_ms(client.read, photo))
    for name, values in times.items():
        print(f"{name:10} {median(values):7.1f} ms ({_spread(values)})")
    ratios = [ours / theirs for ours, theirs in zip(times["served"], times["rapidocr"], strict=True)]
    print(f"served over rapidocr in this process: {median(ratios):.3f} ({_spread(ratios)})")


def _time_ms(read: Read, photo: bytes) -> float:
    start_s = time.perf_counter()
    read(photo)
    return (time.perf_counter() - start_s) * 1000


def _rate(read: Read, labels: Iterator[bytes], seconds: float) -> float:
    """Photos a second that callers get read who send another as soon as one is read."""
    done, lock, end_s = [0], threading.Lock(), time.perf_counter() + seconds

    def call() -> None:
        while time.perf_counter() < end_s:
            with lock:
                photo = next(labels)
            read(photo)
            with lock:
                done[0] += 1

    start_s = time.perf_counter()
    threads = [threading.Thread(target=call) for _ in range(_CALLERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done[0] / (time.perf_counter() - start_s)


@contextmanager
def _peer() -> Iterator[tuple[str, int]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.peers.rapidocr_peer", str(port)]
    process = subprocess.Popen(with_parent(command), start_new_session=True)
    try:
        url = f"http://127.0.0.1:{port}"
        end_s = time.monotonic() + _READY_S
        while time.monotonic() < end_s:
            with suppress(httpx.HTTPError):
                httpx.get(f"{url}/docs")
                break
            time.sleep(0.2)
        else:
            raise TimeoutError(f"rapidocr behind FastAPI was not ready within {_READY_S:g} s")
        yield url, process.pid
    finally:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children(recursive=True):
                child.kill()
        process.kill()
        process.wait()


def _spread(values: list[float]) -> str:
    low, _, high = quantiles(values, n=4) if len(values) > 3 else (min(values), 0.0, max(values))
    return f"{low:.2f} to {high:.2f}"
