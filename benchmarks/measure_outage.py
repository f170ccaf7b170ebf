"""Questions with a deadline, under way while Triton is killed."""

import asyncio
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm
from vitrine_client import AsyncVqaClient, VitrineError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from serving.server_process import Served, running_server
from serving.supervision.signals import end_on_signals

if TYPE_CHECKING:
    from benchmarks.outage import OutageOptions

_QUESTIONS = ("What colour is it?", "这是什么？")
_RESTART_S = 120.0


@dataclass(frozen=True)
class Outcome:
    code: str
    """ "" where it was answered."""
    is_right: bool
    took_s: float


def ask_by_threads(url: str, photos: list[bytes], expected: list[str], timeout_s: float, kill: "Kill") -> list[Outcome]:
    """Ask from threads, one call each: half are under way when Triton is killed, the others come while it is down."""
    with VqaClient(url, timeout_s=timeout_s) as client, ThreadPoolExecutor(len(photos)) as pool:
        client.health()

        def ask(number: int) -> Outcome:
            kill.wait_if(number % 2 == 1)
            start_s = time.perf_counter()
            try:
                text = client.ask(photos[number], _QUESTIONS[number % 2]).text
            except VitrineError as error:
                return Outcome(error.code, False, time.perf_counter() - start_s)
            return Outcome("", text == expected[number], time.perf_counter() - start_s)

        asking = [pool.submit(ask, number) for number in range(len(photos))]
        kill.now()
        return [one.result() for one in asking]


def ask_by_tasks(url: str, photos: list[bytes], expected: list[str], timeout_s: float, kill: "Kill") -> list[Outcome]:
    async def ask(client: AsyncVqaClient, number: int) -> Outcome:
        await asyncio.to_thread(kill.wait_if, number % 2 == 1)
        start_s = time.perf_counter()
        try:
            text = (await client.ask(photos[number], _QUESTIONS[number % 2])).text
        except VitrineError as error:
            return Outcome(error.code, False, time.perf_counter() - start_s)
        return Outcome("", text == expected[number], time.perf_counter() - start_s)

    async def all_of_them() -> list[Outcome]:
        async with AsyncVqaClient(url, timeout_s=timeout_s) as client:
            await client.health()
            asking = [asyncio.ensure_future(ask(client, number)) for number in range(len(photos))]
            await asyncio.to_thread(kill.now)
            return list(await asyncio.gather(*asking))

    return asyncio.run(all_of_them())


class Kill:
    """Kill of Triton, once."""

    def __init__(self, server: Served) -> None:
        self._server = server
        self._is_done = False

    def now(self) -> None:
        triton = self._server.triton()
        assert triton, "no Triton is there to be killed"
        triton.kill()
        self._is_done = True

    def wait_if(self, is_later: bool) -> None:
        while is_later and not self._is_done:
            time.sleep(0.01)


def measure(server: Served, options: "OutageOptions") -> int:
    seeds = range(first_seed("test") + 2400, first_seed("test") + 2400 + options.calls)
    photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
    with VqaClient(server.url, timeout_s=20) as client:
        expected = [client.ask(photo, _QUESTIONS[n % 2]).text for n, photo in enumerate(photos)]
    failed = wrong = 0
    for kill in tqdm(range(options.kills), unit=" kills"):
        ask_all = ask_by_tasks if kill % 2 else ask_by_threads
        restarts = server.restarts()
        found = ask_all(server.url, photos, expected, options.timeout, Kill(server))
        codes = Counter(one.code for one in found if one.code)
        failed += sum(codes.values())
        wrong += sum(not one.code and not one.is_right for one in found)
        tqdm.write(
            f"{ask_all.__name__}: {sum(codes.values())} of {len(found)} failed {dict(codes) or ''}, the slowest call "
            f"took {max(one.took_s for one in found):.1f} s"
        )
        end_s = time.monotonic() + _RESTART_S
        while server.restarts() == restarts and time.monotonic() < end_s:
            time.sleep(0.1)
    calls = options.kills * options.calls
    print(f"{failed} of {calls} calls with {options.timeout:g} s failed, {wrong} were answered wrongly")
    print(f"{server.restarts()} restarts")
    return 1 if failed or wrong else 0


def measure_outage(options: "OutageOptions") -> int:
    """Serve, kill Triton, and print what became of the calls. Returns the exit status."""
    end_on_signals()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(options.repository, Path(folder) / "triton.log") as server,
    ):
        return measure(server, options)
