"""Arguments of `vitrine bulk`."""

import argparse
import sys
from typing import Any

from vitrine_client.argument_values import count, question, seconds, share
from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import quote


def add_bulk(commands: Any, connection: list[argparse.ArgumentParser]) -> None:
    """Add the command to a parser's.

    Args:
        connection: parsers of the options that name a server.
    """
    parser = commands.add_parser(
        "bulk",
        parents=connection,
        help="ask about a whole catalogue",
        description="Ask the same questions about every photo of a catalogue, and write the answers as Parquet. "
        "Started again with the same arguments, it goes on where it was.",
        epilog="example: vitrine bulk photos/ answers/ --ask 'What colour is it?' --ask 这是什么？ --embed",
    )
    parser.add_argument(
        "source",
        help="a folder of photos, or .parquet (a column photo: bytes or a path; id), .jsonl (photo: a path; id) or "
        ".tar files (WebDataset); local or a URI such as s3://BUCKET/FOLDER",
    )
    parser.add_argument("output", help="the folder for the answers, local or a URI")
    parser.add_argument("--ask", action="append", default=[], type=question, metavar="QUESTION", help="again for each")
    parser.add_argument(
        "--choose",
        action="append",
        default=[],
        type=_choice,
        metavar="QUESTION=ANSWER|ANSWER",
        help="a question with its allowed answers, such as 'Which size?=S|M|L'; again for each",
    )
    parser.add_argument("--read", action="store_true", help="read the text and the codes of each photo")
    parser.add_argument("--embed", action="store_true", help="write each photo's vector")
    parser.add_argument("--max-risk", type=share, metavar="SHARE", help="of wrong answers, such as 0.001")
    parser.add_argument(
        "--in-flight", type=count, default=16, metavar="COUNT",
        help="photos under way at a time, at most (default: 16), of each worker of Ray; fewer while the server refuses",
    )  # fmt: skip
    parser.add_argument(
        "--patience", type=seconds, default=300.0, metavar="S",
        help="give up when nothing was answered for so long (default: 300)",
    )  # fmt: skip
    parser.add_argument("--engine", choices=("local", "ray"), default="local", help="where shards are answered")
    parser.add_argument(
        "--price-per-hour", type=_price, metavar="PRICE", help="of the machines together: what a million photos cost"
    )
    parser.add_argument(
        "--against",
        metavar="OUTPUT",
        help="of an earlier run on another release: say what changed, in _changes.parquet",
    )
    parser.set_defaults(run=_bulk, parser=parser)


def _price(text: str) -> float:
    try:
        price = float(text)
    except ValueError:
        price = -1.0
    if not 0 <= price < float("inf"):  # nor where it is not a number
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a price such as 0.40 is expected")
    return price


def _choice(text: str) -> tuple[str, tuple[str, ...]]:
    asked, _, listed = text.rpartition("=")
    candidates = tuple(part.strip() for part in listed.split("|") if part.strip())
    if not asked.strip() or len(set(candidates)) < max(2, len(candidates)):
        raise argparse.ArgumentTypeError("QUESTION=ANSWER|ANSWER is expected, each once, such as 'Which size?=S|M|L'")
    return asked.strip(), candidates


def _bulk(args: argparse.Namespace) -> int:
    """Run the command: what it imports is needed by it alone."""
    from vitrine_client.extras import package

    if sys.version_info < (3, 11):  # noqa: UP036  the client itself runs on 3.10
        raise InvalidRequestError("vitrine bulk needs Python 3.11 or newer")
    for name in ("pyarrow", "tqdm"):
        package(name, "bulk")
    status: int = package("vitrine_client.bulk.command", "bulk").bulk(args)
    return status
