"""Runs the fuzzer: callers that send hostile requests, and what is made of the outcomes."""

import asyncio
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tqdm import tqdm
from vitrine_client import AsyncVqaClient, TlsFiles, VitrineError

from builders.repository.source import read_config
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from checks.fuzz.call import INFER, Call, call_from_file, write_call
from checks.fuzz.options import FuzzOptions
from checks.fuzz.requests import Requests
from checks.fuzz.sending import Sender, Target, sender_to
from checks.fuzz.verdict import LOST, Findings, report
from checks.fuzz.watch import Problem, no_process_watched, watch_process
from checks.fuzz.well_formed import request
from command_line.values import make_folder
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings

_AT_ONCE = 16
_KEPT = 64
_CHECK_EVERY = 2000
_WATCH_EVERY = 50
_RECOVERS_S = 2.0
"""A service that is lost for longer has lost a process: a Triton takes more than this to start."""
QUESTIONS = ("What colour is it?", "这是什么？")


def fuzz(options: FuzzOptions) -> int:
    """Send the requests, and say what came of them.

    Returns:
        The program's exit status.

    Raises:
        UsageError: the output's folder cannot be made.
        ServingError: the server did not start.
    """
    end_on_signals()
    make_folder(options.output)
    try:
        photos = [photo_from_seed(first_seed("test") + 900 + n, long_side_px=(120, 200)).jpeg_bytes() for n in range(8)]
        again = [call_from_file(file) for file in options.again]
        with ExitStack() as stack:
            target, problem = _target(options, stack)
            requests = _requests(options, photos, has_http=bool(target.http_url))
            calls = iter(again) if again else (requests.next() for _ in range(options.count))
            count = len(again) or options.count
            findings, last = asyncio.run(_send_all(target, problem, photos[0], calls, count))
        if findings.problems or findings.leaks:
            _keep(last, options.output)
    except (VitrineError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return report(findings)


def _target(options: FuzzOptions, stack: ExitStack) -> tuple[Target, Problem]:
    """Name the server that is to be asked: the one of the options, or one of our own, which is started."""
    if options.url:
        key = options.api_key_file.read_text("utf-8").strip() if options.api_key_file else None
        target = Target(options.url, options.http or None, options.tls_ca, key)
        return target, watch_process(options.watch) if options.watch else no_process_watched
    settings = ServerSettings(
        options.repository,
        grpc_port=0,
        http_port=0 if options.http is not None else None,
        metrics_port=None,
        cache_mib=16,
        log_file=options.output / "triton.log",
        door=not options.no_door,
    )
    server = stack.enter_context(EmbeddedServer(settings))
    http = f"{server.settings.host}:{server.settings.http_port}" if server.settings.http_port else None
    return Target(server.url, http), server.problem


@dataclass
class _Run:
    """State that the callers of one run share."""

    sender: Sender
    client: AsyncVqaClient
    photo: bytes
    """Photo that can be seen, for questions whose answers are known."""
    problem: Problem
    expected: list[str] = field(default_factory=list)
    """Answers to `QUESTIONS` before anything hostile was sent."""
    findings: Findings = field(default_factory=Findings)
    last: deque[Call] = field(default_factory=lambda: deque(maxlen=_KEPT))

    async def answers(self) -> list[str]:
        return [await _answer(self.client, self.photo, text) for text in QUESTIONS]

    async def check(self) -> None:
        """Note it where the questions are not answered as before."""
        if (answers := await self.answers()) != self.expected:
            sent = self.findings.outcomes.total()
            self.findings.problems.append(f"after {sent:,} requests the answers were {answers}, not {self.expected}")

    async def send(self, calls: Iterator[Call], bar: "tqdm[Any]") -> None:
        """Send one call after the other, until there are no more or something is wrong."""
        for call in calls:
            self.last.append(call)
            outcome = await self.sender.outcome(call)
            self.findings.add(call, outcome)
            bar.update()
            is_lost = outcome[0] in LOST
            if self.findings.problems or ((bar.n % _WATCH_EVERY == 0 or is_lost) and self.problem()):
                return
            if is_lost and self.problem is no_process_watched and not await _recovers(self.sender, self.photo):
                lost = f"{call.kind}: {outcome[0]}, and then nobody there for {_RECOVERS_S:g} s"
                self.findings.problems.append(lost)
            if bar.n % _CHECK_EVERY == 0:
                await self.check()


async def _send_all(
    target: Target, problem: Problem, photo: bytes, calls: Iterator[Call], count: int
) -> tuple[Findings, list[Call]]:
    """Send the calls, several at a time.

    Returns:
        What came of them, and the last ones.
    """
    tls = TlsFiles(authority=str(target.authority)) if target.authority else None
    with tqdm(total=count, unit=" requests", desc="fuzz", mininterval=10) as bar:
        async with (
            sender_to(target) as sender,
            AsyncVqaClient(target.grpc_url, tls=tls, api_key=target.api_key) as client,
        ):
            run = _Run(sender, client, photo, problem)
            run.expected = [(await client.ask(photo, text)).text for text in QUESTIONS]
            await asyncio.gather(*(run.send(calls, bar) for _ in range(_AT_ONCE)))
            if not problem():
                await run.check()
    if ended := problem():
        run.findings.problems.insert(0, f"after {run.findings.outcomes.total():,} requests: {ended}")
    return run.findings, list(run.last)


def _requests(options: FuzzOptions, photos: list[bytes], *, has_http: bool) -> Requests:
    configs = [read_config(file) for file in sorted(options.repository.glob("*/config.pbtxt"))]
    return Requests(
        photos,
        configs,
        options.seed,
        overflows=options.overflows,
        has_http=has_http,
        has_door=not options.no_door,
        only=options.only,
    )


def _keep(calls: list[Call], folder: Path) -> None:
    for index, call in enumerate(calls):
        write_call(call, folder / f"last-{index:02}.json")
    print(f"the last {len(calls)} requests are kept in {folder}; --again sends them again")


async def _answer(client: AsyncVqaClient, photo: bytes, question: str) -> str:
    try:
        return (await client.ask(photo, question)).text
    except VitrineError as error:
        return str(error)


async def _recovers(sender: Sender, photo: bytes) -> bool:
    """Return whether the service answers, or limits a good question's rate, sooner than a Triton can start."""
    good = Call("check", INFER, (bytes(request("image_embedding", photo).SerializeToString()),))
    try:
        async with asyncio.timeout(_RECOVERS_S):
            while (await sender.outcome(good))[0] not in ("OK", "RESOURCE_EXHAUSTED"):
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
