"""`python -m benchmarks.outage`: Triton is killed while questions are under way: how many are not answered in time."""

import asyncio
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tqdm import tqdm
from vitrine_client import AsyncVqaClient, VitrineError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from checks.soak.server import Served, running_server
from command_line.errors import exit_status
from command_line.options import options_from_arguments
from command_line.values import Argument, Count, Positional
from serving.repository_option import BuiltRepository
from serving.supervision.signals import end_on_signals

_QUESTIONS = ("What colour is it?", "这是什么？")
_RESTART_S = 120.0


@dataclass(frozen=True)
class OutageOptions:
    """Kill Triton under its supervisor while questions with a deadline are under way, from threads and from an event
    loop in turn.

    Example: python -m benchmarks.outage build/vitrine-small --kills 2

    Exit status: 0 all were answered, and rightly.
    """

    repository: Positional[BuiltRepository]
    """A built repository."""
    calls: Count = 50
    """Calls under way at each kill."""
    kills: Count = 2
    """Times that Triton is killed; after later ones the restart waits longer."""
    timeout: Annotated[float, Argument(metavar="S")] = 15.0
    """Deadline of a call."""


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


def measure(server: Served, options: OutageOptions) -> int:
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


def main() -> int:
    options = options_from_arguments(OutageOptions, "python -m benchmarks.outage")
    end_on_signals()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(options.repository, Path(folder) / "triton.log") as server,
    ):
        return measure(server, options)


if __name__ == "__main__":
    sys.exit(exit_status(main))
