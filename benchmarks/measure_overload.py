"""A server that is asked more than it can answer: what it still answers, and when it is calm again."""

import asyncio
import os
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm
from vitrine_client import AsyncGrpcTransport, AsyncVqaClient, VitrineError

from benchmarks.closed_loop import run_callers
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from measuring.memory import tree_memory_mib
from serving.server_process import Served, running_server
from serving.supervision.signals import end_on_signals

if TYPE_CHECKING:
    from benchmarks.overload import OverloadOptions

_QUESTIONS = ("What colour is it?", "这是什么？")
_PHOTOS = 16
_CALLERS = 16
_PEAK_S = 15.0
_AFTER_S = 10.0
_TIMEOUT_S = 10.0
_CALM = 3.0
"""Factor over the calm latency within which a server counts as recovered."""


@dataclass
class Answers:
    right: int = 0
    wrong: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    times_s: list[tuple[float, float]] = field(default_factory=list)
    """Start of each answered call, and how long it took, in seconds."""
    refused_s: list[float] = field(default_factory=list)
    """End of each call that was refused, in seconds."""


class KnownQuestions:
    """Questions about new photos, whose right answers are known."""

    def __init__(self, client: AsyncVqaClient) -> None:
        self._client = client
        seeds = range(first_seed("test") + 1200, first_seed("test") + 1200 + _PHOTOS)
        self._photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
        self._right: dict[tuple[int, int], str] = {}

    async def learn(self) -> None:
        for photo in range(_PHOTOS):
            for question, text in enumerate(_QUESTIONS):
                self._right[photo, question] = (await self._client.ask(self._photos[photo], text)).text

    async def one(self, number: int, found: Answers) -> None:
        photo, question = number % _PHOTOS, number // _PHOTOS % 2
        start_s = time.perf_counter()
        try:
            answer = await self._client.ask(self._photos[photo] + os.urandom(8), _QUESTIONS[question])
        except VitrineError as error:
            found.refused[error.code if error.was_sent else "not sent"] += 1
            found.refused_s.append(time.perf_counter())
            return
        found.times_s.append((start_s, time.perf_counter() - start_s))
        if answer.text == self._right[photo, question]:
            found.right += 1
        else:
            found.wrong += 1


async def closed_loop(questions: KnownQuestions, seconds: float, callers: int) -> Answers:
    """Keep `callers` questions under way for `seconds`."""
    found, end_s = Answers(), time.perf_counter() + seconds
    await run_callers(
        lambda number: questions.one(number, found), callers=callers, is_over=lambda: time.perf_counter() >= end_s
    )
    return found


async def open_loop(
    questions: KnownQuestions, seconds: float, rate: float, memory: list[float], pid: int
) -> tuple[Answers, list[asyncio.Task[None]]]:
    """Call at even distances, whatever becomes of those before; and the calls that are still under way at the end."""
    found, start_s = Answers(), time.perf_counter()
    tasks: set[asyncio.Task[None]] = set()
    for number in tqdm(range(int(seconds * rate)), unit=" calls", desc=f"{rate:.0f}/s", mininterval=5):
        if (wait_s := start_s + number / rate - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        task = asyncio.create_task(questions.one(number, found))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        if number % int(rate) == 0:
            memory.append(tree_memory_mib(pid))
    return found, list(tasks)


def recovery_time_s(answers: Answers, end_s: float, calm_s: float) -> float | None:
    """Compute the seconds after the overload until all calls were answered as when all was calm; None: never."""
    slow = [start_s + took_s for start_s, took_s in answers.times_s if took_s > calm_s]
    last_bad_s = max([*slow, *answers.refused_s], default=end_s)
    is_calm_later = any(start_s >= last_bad_s for start_s, _ in answers.times_s)
    return last_bad_s - end_s if is_calm_later else None


async def _measure(server: Served, options: "OverloadOptions") -> int:
    transport = AsyncGrpcTransport(server.url, retries=not options.no_retries)
    async with AsyncVqaClient(transport=transport, timeout_s=_TIMEOUT_S) as client:
        questions = KnownQuestions(client)
        await questions.learn()
        calm = await closed_loop(questions, 3, 1)
        calm_s = sorted(took_s for _, took_s in calm.times_s)[int(0.95 * len(calm.times_s))]
        peak_per_s = (await closed_loop(questions, _PEAK_S, _CALLERS)).right / _PEAK_S
        print(f"peak: {peak_per_s:.0f} right answers/s, {_CALLERS} callers; alone 95 of 100 in {1000 * calm_s:.0f} ms")
        memory = [tree_memory_mib(server.process.pid)]
        start_s = time.perf_counter()
        load, under_way = await open_loop(
            questions, options.seconds, options.times * peak_per_s, memory, server.process.pid
        )
        end_s = time.perf_counter()
        goodput_per_s = load.right / (end_s - start_s)
        after = await closed_loop(questions, _AFTER_S, 1)
        await asyncio.gather(*under_way)
        again_per_s = (await closed_loop(questions, _PEAK_S, _CALLERS)).right / _PEAK_S
    recovery_s = recovery_time_s(after, end_s, _CALM * calm_s)
    print(f"asked: {options.times * peak_per_s:.0f}/s for {end_s - start_s:.0f} s")
    print(f"  right answers: {goodput_per_s:.0f}/s, {goodput_per_s / peak_per_s:.0%} of the peak; wrong: {load.wrong}")
    print("  refused: " + ", ".join(f"{count:,} {code}" for code, count in load.refused.most_common()))
    print(f"  memory: {memory[0]:.0f} MiB before, {max(memory):.0f} MiB at most")
    print(f"after it: {'never calm' if recovery_s is None else f'calm after {recovery_s:.1f} s'}")
    print(f"  then {again_per_s:.0f} right answers/s with {_CALLERS} callers")
    restarts = server.health()["restarts"]
    print(f"{restarts} restarts")
    return 1 if load.wrong or restarts or recovery_s is None else 0


def measure_overload(options: "OverloadOptions") -> int:
    """Serve, load, and print the figures. Returns the exit status."""
    end_on_signals()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_server(options.repository, Path(folder) / "triton.log") as server,
    ):
        return asyncio.run(_measure(server, options))
