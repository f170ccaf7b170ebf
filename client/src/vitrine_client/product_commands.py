"""`vitrine ask-product` and `vitrine watch`: their arguments, and what they do."""

import argparse
import json
import sys
import time
from collections import Counter
from collections.abc import Collection
from typing import Any

from vitrine_client.argument_values import answer, count, question, seconds, share
from vitrine_client.commands import client_of, photo_named
from vitrine_client.errors import VitrineError
from vitrine_client.lines import as_json, clock, printable, row_as_json, verdict_line
from vitrine_client.quoting import short_name
from vitrine_client.video import frames
from vitrine_client.watching import YES, Watched, when


def add_ask_product(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    product_parser = commands.add_parser(
        "ask-product",
        parents=parents,
        help="ask about several photos of one product",
        description="Ask one question about up to 8 photos of one product, and join the answers to one.",
        epilog='example: vitrine ask-product "What colour is it?" front.jpg side.jpg back.jpg',
    )
    product_parser.add_argument("question", type=question)
    product_parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or - for standard input; up to 8")
    product_parser.add_argument("--max-risk", type=share, metavar="SHARE", help="as of vitrine ask")
    product_parser.add_argument("--context", metavar="TEXT", help="as of vitrine ask")
    product_parser.set_defaults(run=_ask_product, parser=product_parser)


def add_watch(commands: Any, parents: list[argparse.ArgumentParser]) -> None:
    watch_parser = commands.add_parser(
        "watch",
        parents=parents,
        help="when something appears in a video",
        description="Ask a yes/no question about frames of a video, and print from when to when the answer is yes.",
        epilog='example: vitrine watch shelf.mp4 "Is this a mug?" --every 0.5',
    )
    watch_parser.add_argument("video", help="a file, such as an mp4, or an rtsp:// address")
    watch_parser.add_argument("question", type=question)
    watch_parser.add_argument(
        "--appears",
        action="append",
        type=answer,
        metavar="ANSWER",
        help="that means that it shows; again for each (default: yes, in English and Chinese)",
    )
    watch_parser.add_argument("--every", type=seconds, default=1.0, metavar="S", help="between two frames (default: 1)")
    watch_parser.add_argument("--most", type=count, default=600, metavar="N", help="frames (default: 600)")
    watch_parser.add_argument(
        "--until", type=seconds, default=600.0, metavar="S", help="of the video, and by the clock (default: 600)"
    )
    watch_parser.add_argument("--max-risk", type=share, metavar="SHARE", help="as of vitrine ask")
    watch_parser.set_defaults(run=_watch, parser=watch_parser)


def _ask_product(args: argparse.Namespace) -> int:
    photos = [photo_named(name) for name in args.photos]
    with client_of(args) as client:
        start_s = time.perf_counter()
        found = client.ask_product(photos, args.question, context=args.context, max_risk=args.max_risk)
        time_ms = (time.perf_counter() - start_s) * 1000
    name = args.photos[found.photo]
    if args.json:
        row = json.loads(row_as_json(name, args.question, found.answer, time_ms))
        print(as_json({**row, "by_photo": found.to_dict()["by_photo"]}))
    else:
        print(verdict_line(found.answer))
        print(f"decided by {short_name(name)}, photo {found.photo + 1} of {len(photos)}")
    failures = {n: one for n, one in enumerate(found.by_photo) if isinstance(one, VitrineError)}
    for number, error in failures.items():
        print(f"vitrine: {short_name(args.photos[number])}: {error}", file=sys.stderr)
    return 1 if failures else 0


def _watch(args: argparse.Namespace) -> int:
    sampled = frames(args.video, every_s=args.every, most=args.most, max_s=args.until, timeout_s=args.until)
    with client_of(args) as client:
        found = when(client, sampled, args.question, appears=args.appears or YES, max_risk=args.max_risk)
    if args.json:
        print(as_json({"video": args.video, "question": args.question, **found.to_dict()}))
        return 0
    for one in found.intervals:
        sure = "uncalibrated" if one.confidence is None else f"confidence {one.confidence:.3f}"
        print(f"{clock(one.start_s)} to {clock(one.end_s)}  ({sure})")
    print(frames_line(found, args.appears or YES), file=sys.stderr)
    return 0


def frames_line(found: Watched, appears: Collection[str]) -> str:
    """Say how many frames were seen, and what the answers were where no interval came of them."""
    frames = f"{found.frames} frames up to {clock(found.until_s)}"
    if found.intervals:
        return frames
    counts = Counter(found.answers) + Counter({"handed over": found.frames - sum(found.answers.values())})
    often = ", ".join(f"{printable(text)} ({count})" for text, count in counts.most_common(3))
    is_flicker = {text.casefold() for text in found.answers} & {text.casefold() for text in appears}
    if not found.frames:
        return frames
    where = "only in single frames, which are left out as flicker, of" if is_flicker else "in none of"
    return f"{where} {frames}; most often: {often}"
