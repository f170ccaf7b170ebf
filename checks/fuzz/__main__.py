"""`python -m checks.fuzz`: hostile requests to a real server, which may neither end nor tell its inside."""

import argparse
import asyncio
import sys
from collections import deque
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm
from vitrine_client import AsyncVqaClient, TlsFiles, VitrineError

from builders.repository.configs import read_config
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from checks.fuzz.call import INFER, Call, call_from_file, kept
from checks.fuzz.requests import Requests
from checks.fuzz.sending import Sender, Target, sender_to
from checks.fuzz.verdict import LOST, Findings, said
from checks.fuzz.watch import Problem, no_process_watched, watched
from checks.fuzz.well_formed import request
from serving.command_line import built_repository, exit_status, make_folder, whole_number
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import INTERRUPTED, end_on_signals
from serving.triton.command import ServerSettings

_AT_ONCE = 16
_KEPT = 64
_CHECK_EVERY = 2000
_WATCH_EVERY = 50
_RECOVERS_S = 2.0
"""A service that is lost for longer has lost a process: a Triton takes more than this to start."""
QUESTIONS = ("What colour is it?", "这是什么？")


def main() -> int:
    args = _parser().parse_args()
    end_on_signals()
    make_folder(args.output)
    try:
        photos = [photo_from_seed(first_seed("test") + 900 + n, long_side_px=(120, 200)).jpeg_bytes() for n in range(8)]
        calls = [call_from_file(file) for file in args.again] or None
        with ExitStack() as stack:
            target, problem = _target(args, stack)
            found = asyncio.run(_fuzzed(target, problem, photos, calls, args))
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except (VitrineError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return said(found)


def _target(args: argparse.Namespace, stack: ExitStack) -> tuple[Target, Problem]:
    """The server that is named, or one of our own."""
    if args.url:
        key = args.api_key_file.read_text("utf-8").strip() if args.api_key_file else None
        target = Target(args.url, args.http or None, args.tls_ca, key)
        return target, watched(args.watch) if args.watch else no_process_watched
    settings = ServerSettings(
        args.repository, grpc_port=0, http_port=0 if args.http is not None else None, metrics_port=None, cache_mib=16,
        log_file=args.output / "triton.log", door=not args.no_door,
    )  # fmt: skip
    server = stack.enter_context(EmbeddedServer(settings))
    http = f"{server.settings.host}:{server.settings.http_port}" if server.settings.http_port else None
    return Target(server.url, http), server.problem


async def _fuzzed(
    target: Target, problem: Problem, photos: list[bytes], again: list[Call] | None, args: argparse.Namespace
) -> Findings:
    configs = [read_config(file) for file in sorted(args.repository.glob("*/config.pbtxt"))]
    requests = Requests(
        photos,
        configs,
        args.seed,
        overflows=args.overflows,
        has_http=bool(target.http_url),
        has_door=not args.no_door,
        only=args.only,
    )
    found, last = Findings(), deque[Call](maxlen=_KEPT)
    calls = iter(again) if again else (requests.next() for _ in range(args.count))
    tls = TlsFiles(authority=str(target.authority)) if target.authority else None
    with tqdm(total=len(again) if again else args.count, unit=" requests", desc="fuzz", mininterval=10) as bar:
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
            kept(call, args.output / f"last-{index:02}.json")
        print(f"the last {len(last)} requests are kept in {args.output}; --again sends them again")
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m checks.fuzz",
        description="Send hostile requests to a real server of a built repository: damaged photos, odd questions, "
        "lists, parameters, headers, contents and encodings, streams, compression, any tensors to any model, frames "
        "by hand, random bytes, any method; and HTTP, where it is named.",
        epilog="exit status: 0 no process ended, it answers as before, and told nothing of its inside; 1 otherwise; "
        "2 wrong usage.",
    )
    parser.add_argument(
        "repository", type=built_repository, help="a built repository; with --url: the one that is served there"
    )
    parser.add_argument(
        "--count", type=whole_number(1), default=200_000, metavar="N", help="requests (default: 200,000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the requests; the same ones come again (default: 0)")
    parser.add_argument("--url", metavar="HOST:PORT", help="a running server or gateway (default: start a server)")
    parser.add_argument("--tls-ca", type=Path, metavar="FILE", help="with --url: who signed its certificate (PEM)")
    parser.add_argument("--api-key-file", type=Path, metavar="FILE", help="with --url: the key that it asks for")
    parser.add_argument(
        "--watch", type=int, metavar="PID", help="with --url: a process here, such as `python -m serving`: neither it "
        "nor any process below it may end (default: only the address tells)",
    )  # fmt: skip
    parser.add_argument(
        "--http", nargs="?", const="", metavar="HOST:PORT", help="HTTP too; the address is needed with --url only"
    )
    parser.add_argument(
        "--no-door", action="store_true", help="leave out what ends a Triton 2.51 that no door stands before"
    )
    parser.add_argument(
        "--overflows",
        action="store_true",
        help="also shapes whose number of elements overflows, for the models that only ensembles are to call: known to "
        "end their processes under Triton 2.51",
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="KIND", help="send these kinds only, such as stream")
    parser.add_argument("--again", type=Path, nargs="+", default=[], metavar="FILE", help="send kept requests instead")
    parser.add_argument(
        "--output",
        type=Path,
        default=Path("build/fuzz"),
        metavar="FOLDER",
        help="Triton's log and, where something is wrong, the last requests (default: build/fuzz)",
    )
    return parser


if __name__ == "__main__":
    sys.exit(exit_status(main))
