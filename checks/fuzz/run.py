"""One run of the fuzzer: callers that send hostile requests, and what is made of the outcomes."""

import asyncio
import sys
from collections import deque
from contextlib import ExitStack

from tqdm import tqdm
from vitrine_client import AsyncVqaClient, TlsFiles, VitrineError

from builders.repository.configs import read_config
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from checks.fuzz.call import INFER, Call, call_from_file, kept
from checks.fuzz.options import FuzzOptions
from checks.fuzz.requests import Requests
from checks.fuzz.sending import Sender, Target, sender_to
from checks.fuzz.verdict import LOST, Findings, said
from checks.fuzz.watch import Problem, no_process_watched, watched
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
        calls = [call_from_file(file) for file in options.again] or None
        with ExitStack() as stack:
            target, problem = _target(options, stack)
            found = asyncio.run(_fuzzed(target, problem, photos, calls, options))
    except (VitrineError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return said(found)


def _target(options: FuzzOptions, stack: ExitStack) -> tuple[Target, Problem]:
    """The server that is named, or one of our own."""
    if options.url:
        key = options.api_key_file.read_text("utf-8").strip() if options.api_key_file else None
        target = Target(options.url, options.http or None, options.tls_ca, key)
        return target, watched(options.watch) if options.watch else no_process_watched
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


async def _fuzzed(
    target: Target, problem: Problem, photos: list[bytes], again: list[Call] | None, options: FuzzOptions
) -> Findings:
    configs = [read_config(file) for file in sorted(options.repository.glob("*/config.pbtxt"))]
    requests = Requests(
        photos,
        configs,
        options.seed,
        overflows=options.overflows,
        has_http=bool(target.http_url),
        has_door=not options.no_door,
        only=options.only,
    )
    found, last = Findings(), deque[Call](maxlen=_KEPT)
    calls = iter(again) if again else (requests.next() for _ in range(options.count))
    tls = TlsFiles(authority=str(target.authority)) if target.authority else None
    with tqdm(total=len(again) if again else options.count, unit=" requests", desc="fuzz", mininterval=10) as bar:
        async with (
            sender_to(target) as sender,
            AsyncVqaClient(target.grpc_url, tls=tls, api_key=target.api_key) as client,
        ):
            expected = [(await client.ask(photos[0], text)).text for text in QUESTIONS]

            async def check() -> None:
                answers = [await _answer(client, photos[0], text) for text in QUESTIONS]
                if answers != expected:
                    found.problems.append(f"after {bar.n:,} requests the answers were {answers}, not {expected}")

            async def caller() -> None:
                for call in calls:
                    last.append(call)
                    outcome = await sender.outcome(call)
                    found.add(call, outcome)
                    bar.update()
                    is_lost = outcome[0] in LOST
                    if found.problems or ((bar.n % _WATCH_EVERY == 0 or is_lost) and problem()):
                        return
                    if is_lost and problem is no_process_watched and not await _recovers(sender, photos[0]):
                        found.problems.append(f"{call.kind}: {outcome[0]}, and then nobody there for {_RECOVERS_S:g} s")
                    if bar.n % _CHECK_EVERY == 0:
                        await check()

            await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))
            if not problem():
                await check()
    if ended := problem():
        found.problems.insert(0, f"after {found.outcomes.total():,} requests: {ended}")
    if found.problems or found.leaks:
        for index, call in enumerate(last):
            kept(call, options.output / f"last-{index:02}.json")
        print(f"the last {len(last)} requests are kept in {options.output}; --again sends them again")
    return found


async def _answer(client: AsyncVqaClient, photo: bytes, question: str) -> str:
    try:
        return (await client.ask(photo, question)).text
    except VitrineError as error:
        return str(error)


async def _recovers(sender: Sender, photo: bytes) -> bool:
    """Whether the service answers, or limits a good question's rate, within the time in which no Triton starts."""
    good = Call("check", INFER, (bytes(request("image_embedding", photo).SerializeToString()),))
    try:
        async with asyncio.timeout(_RECOVERS_S):
            while (await sender.outcome(good))[0] not in ("OK", "RESOURCE_EXHAUSTED"):
                await asyncio.sleep(0.05)
    except TimeoutError:
        return False
    return True
