"""`python -m fuzz`: send hostile requests to a real server, and see that it neither ends nor tells its inside."""

import argparse
import asyncio
import sys
from collections import Counter, deque
from dataclasses import dataclass, field
from pathlib import Path

import grpc.aio
from tqdm import tqdm
from vitrine_client import AsyncVqaClient, VitrineError

from builders.repository import read_config
from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from fuzz.leaks import leak_in
from fuzz.requests import Requests
from serving.command import ServerSettings
from serving.command_line import built_repository, exit_status, make_folder, whole_number
from serving.errors import ServingError
from serving.server import EmbeddedServer
from serving.signals import INTERRUPTED, end_on_signals

_AT_ONCE = 16
_KEPT = 64
_TIMEOUT_S = 20.0
_CHECK_EVERY = 2000
_WELL_FORMED = ("damaged photo", "odd question", "odd list")
"""Kinds that the server has to answer or refuse by its own rules; others are gRPC's and Triton's to refuse."""
QUESTIONS = ("What colour is it?", "这是什么？")


@dataclass
class Findings:
    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Of each kind of request, by the status that came back."""
    messages: Counter[str] = field(default_factory=Counter)
    """Beginnings of the refusals."""
    leaks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def main() -> int:
    args = _parser().parse_args()
    end_on_signals()
    make_folder(args.output)
    try:
        log = args.output / "triton.log"
        settings = ServerSettings(args.repository, grpc_port=0, metrics_port=None, cache_mib=16, log_file=log)
        with EmbeddedServer(settings) as server:
            found = asyncio.run(_fuzzed(server, args))
    except ServingError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        return INTERRUPTED
    return _say(found)


async def _fuzzed(server: EmbeddedServer, args: argparse.Namespace) -> Findings:
    photos = [photo_from_seed(first_seed("test") + 900 + n, long_side_px=(120, 200)).jpeg_bytes() for n in range(8)]
    configs = [read_config(file) for file in sorted(server.settings.repository.glob("*/config.pbtxt"))]
    requests = Requests(photos, configs, args.seed, overflows=args.overflows)
    found, last = Findings(), deque[bytes](maxlen=_KEPT)
    left = iter(range(args.count))
    options = [("grpc.max_receive_message_length", -1), ("grpc.enable_retries", 0)]
    with tqdm(total=args.count, unit=" requests", desc="fuzz", mininterval=10) as bar:
        async with (
            grpc.aio.insecure_channel(server.url, options=options) as channel,
            AsyncVqaClient(server.url) as client,
        ):
            expected = [(await client.ask(photos[0], text)).text for text in QUESTIONS]

            async def check(number: int) -> None:
                said = [await _answer(client, photos[0], text) for text in QUESTIONS]
                if said != expected:
                    found.problems.append(f"after {number} requests the answers were {said}")

            async def caller() -> None:
                for number in left:
                    kind, method, content = requests.next()
                    last.append(content)
                    code, message = await _asked(channel, method, content)
                    found.outcomes[kind, code] += 1
                    if code != "OK":
                        found.messages[f"{code}: {message[:60]}"] += 1
                    if kind in _WELL_FORMED and code not in ("OK", "INVALID_ARGUMENT"):
                        found.problems.append(f"{kind}: {code}: {message[:300]!r}")
                    if leak := leak_in(message, content):
                        found.leaks.append(f"{kind}, {code}: {leak!r} in {message[:300]!r}")
                    bar.update()
                    if number % _CHECK_EVERY == 0:
                        await check(number)
                    if found.problems or server.problem():
                        return

            await asyncio.gather(*(caller() for _ in range(_AT_ONCE)))
            if not server.problem():
                await check(args.count)
    if problem := server.problem():
        found.problems.insert(0, f"after {found.outcomes.total():,} requests: {problem}")
    if found.problems:
        for index, one in enumerate(last):
            (args.output / f"last-{index:02}.bin").write_bytes(one)
    return found


async def _answer(client: AsyncVqaClient, photo: bytes, question: str) -> str:
    try:
        return (await client.ask(photo, question)).text
    except VitrineError as error:
        return str(error)


async def _asked(channel: grpc.aio.Channel, method: str, content: bytes) -> tuple[str, str]:
    try:
        await channel.unary_unary(method)(content, timeout=_TIMEOUT_S)
    except grpc.aio.AioRpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


def _say(found: Findings) -> int:
    codes = sorted({code for _, code in found.outcomes})
    print(f"{'':18}" + "".join(f"{code:>19}" for code in codes))
    for kind in sorted({kind for kind, _ in found.outcomes}):
        print(f"{kind:18}" + "".join(f"{found.outcomes[kind, code]:19,}" for code in codes))
    print(f"{found.outcomes.total():,} requests; the most frequent refusals:")
    for message, times in found.messages.most_common(12):
        print(f"  {times:8,}  {message}")
    for problem in [*found.problems, *sorted(set(found.leaks))[:20]]:
        print(f"error: {problem}", file=sys.stderr)
    return 1 if found.problems or found.leaks else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m fuzz",
        description="Send hostile requests to a real server of a built repository: damaged photos, odd questions "
        "and lists, any tensors to any model, damaged and random bytes, any method.",
        epilog="exit status: 0 it lives, answers as before, and told nothing of its inside; 1 otherwise; 2 wrong "
        "usage.",
    )
    parser.add_argument("repository", type=built_repository, help="a built repository")
    parser.add_argument(
        "--count", type=whole_number(1), default=200_000, metavar="N", help="requests (default: 200,000)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the requests; the same ones come again (default: 0)")
    parser.add_argument(
        "--overflows",
        action="store_true",
        help="also shapes whose number of elements overflows, for the models that only ensembles are to call: known to "
        "end their processes under Triton 2.51",
    )
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
