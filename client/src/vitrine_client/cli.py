"""`vitrine`: ask from the command line."""

import argparse
import io
import json
import os
import sys
import time
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from vitrine_client.calls import require_timeout
from vitrine_client.channel import TlsFiles
from vitrine_client.client import DEFAULT_URL, VqaClient
from vitrine_client.errors import InvalidRequestError, VitrineError
from vitrine_client.profile import profile_of, profile_text
from vitrine_client.results import Answer


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    if (args.tls_cert or args.tls_key) and not args.tls_ca:
        parser.error("--tls-cert and --tls-key go with --tls-ca: without it nothing is encrypted")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # where the terminal has no Chinese
    try:
        result = _run(args)
        sys.stdout.flush()
        return result
    except OSError as error:  # a reader that has gone, such as head; a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left has nowhere to go
        if not isinstance(error, BrokenPipeError):
            print(f"vitrine: cannot write the answers: {error}", file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    try:
        api_key = _key_from(args.api_key_file)
        with VqaClient(args.url, timeout_s=args.timeout, tls=_tls_files(args), api_key=api_key) as client:
            result: int = args.run(client, args)
            return result
    except VitrineError as error:
        if args.json:
            named = {name: getattr(error, name) or None for name in ("code", "model", "request_id")}
            print(json.dumps({"error": error.message, **named}, ensure_ascii=False))
        print(f"vitrine: {error}", file=sys.stderr)
        return 1


def _seconds(text: str) -> float:
    try:
        seconds: Any = float(text)
    except ValueError:
        seconds = text
    try:
        return require_timeout(seconds)
    except InvalidRequestError as error:
        raise argparse.ArgumentTypeError(error.message) from error


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} came, but a whole number, at least 1, is expected")
    return int(text)


def _tls_files(args: argparse.Namespace) -> TlsFiles | None:
    return TlsFiles(args.tls_ca, args.tls_cert, args.tls_key) if args.tls_ca else None


def _key_from(file: str | None) -> str | None:
    """Keys come from files: a command line is in every user's process list."""
    if file is None:
        return None
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidRequestError(f"cannot read the key in {file}: {error}") from error


def _parser() -> argparse.ArgumentParser:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--url",
        default=os.environ.get("VITRINE_URL") or DEFAULT_URL,
        help=f"the server's gRPC address (default: $VITRINE_URL, else {DEFAULT_URL})",
    )
    common.add_argument("--timeout", type=_seconds, default=10.0, metavar="S", help="seconds to wait (default: 10)")
    common.add_argument("--tls-ca", metavar="PEM", help="encrypt, and trust servers that this authority has signed")
    common.add_argument("--tls-cert", metavar="PEM", help="our own certificate, where the server asks for one")
    common.add_argument("--tls-key", metavar="PEM", help="its key")
    common.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    common.set_defaults(api_key_file=None)
    keyed = argparse.ArgumentParser(add_help=False)
    keyed.add_argument("--api-key-file", metavar="FILE", help="holds the key that a gateway asks for; needs --tls-ca")
    parser = argparse.ArgumentParser(
        prog="vitrine",
        description="Ask a Vitrine server questions about product photos, in English or Chinese.",
        epilog="exit status: 0 answered or healthy, 1 a failure (said on standard error), 2 wrong usage",
    )
    parser.add_argument("--version", action="version", version=version("vitrine-client"))
    commands = parser.add_subparsers(dest="command", required=True)
    ask = commands.add_parser(
        "ask",
        parents=[common, keyed],
        help="ask about a photo",
        description="Ask one or more questions about one photo.",
        epilog='example: vitrine ask mug.jpg "What colour is the mug?" 有几个？',
    )
    ask.add_argument("photo", help="a JPEG, PNG or WebP file")
    ask.add_argument(
        "question", nargs="+", help="a question; several are asked together (options go before or after them all)"
    )
    ask.add_argument("--heatmap", metavar="FILE", help="write the photo with where the first question looked")
    ask.add_argument(
        "--max-risk",
        type=float,
        metavar="SHARE",
        help="of wrong answers; stricter than the server's own, such as 0.001",
    )
    ask.set_defaults(run=_ask)
    choose = commands.add_parser(
        "choose",
        parents=[common, keyed],
        help="ask which of a list of answers is right",
        description="Ask one question about one photo, with the answers that are allowed.",
        epilog='example: vitrine choose mug.jpg "What colour is it?" red blue green',
    )
    choose.add_argument("photo", help="a JPEG, PNG or WebP file")
    choose.add_argument("question")
    choose.add_argument("candidate", nargs="+", help="an allowed answer; up to 256")
    choose.add_argument("--max-risk", type=float, metavar="SHARE", help="as of vitrine ask")
    choose.set_defaults(run=_choose)
    profile = commands.add_parser(
        "profile",
        parents=[common],
        help="where the time of a question goes",
        description="Ask some times about a photo that the server does not know, and about one that it does, "
        "and say where the time went: here, on the way, waiting, and in each step of the server (from Triton's own "
        "statistics, so profile a server that nobody else asks, at its own port and not at a gateway).",
        epilog='example: vitrine profile mug.jpg "What colour is the mug?"',
    )
    profile.add_argument("photo", help="a JPEG, PNG or WebP file")
    profile.add_argument("question")
    profile.add_argument("--repeat", type=_count, default=10, metavar="N", help="questions of each (default: 10)")
    profile.add_argument(
        "--admin-key-file", metavar="FILE", help="holds the key that the server was started with, as --admin-key-file"
    )
    profile.set_defaults(run=_profile)
    health = commands.add_parser(
        "health",
        parents=[common, keyed],
        help="is the server there and ready?",
        description="Say whether the server takes questions.",
    )
    health.set_defaults(run=_health)
    return parser


def _ask(client: VqaClient, args: argparse.Namespace) -> int:
    start_s = time.perf_counter()
    answers = client.ask_many(args.photo, args.question, max_risk=args.max_risk)
    time_ms = (time.perf_counter() - start_s) * 1000
    for question, answer in zip(args.question, answers, strict=True):
        print(_json_line(args.photo, question, answer, time_ms) if args.json else _text_line(answer))
    if not args.json:
        together = f" for {len(answers)} questions together" if len(answers) > 1 else ""
        print(f"{time_ms:.0f} ms{together}", file=sys.stderr)
    if args.heatmap:
        _write_heatmap(answers[0], args.photo, args.heatmap)
    return 0


def _choose(client: VqaClient, args: argparse.Namespace) -> int:
    choice = client.choose(args.photo, args.question, args.candidate, max_risk=args.max_risk)
    if args.json:
        names = ("text", "status", "confidence", "reason", "probabilities", "release", "request_id")
        print(json.dumps({name: getattr(choice, name) for name in names}, ensure_ascii=False))
        return 0
    print(f"{_said(choice.text)}  ({choice.status}, {_sure(choice.confidence)}{_because(choice.reason)})")
    for text, probability in sorted(choice.probabilities.items(), key=lambda item: -item[1]):
        print(f"{probability:8.2%}  {text}")
    return 0


def _profile(client: VqaClient, args: argparse.Namespace) -> int:
    new, known = profile_of(
        args.photo,
        args.question,
        url=args.url,
        tls=_tls_files(args),
        admin_key=_key_from(args.admin_key_file),
        repeat=args.repeat,
        timeout_s=args.timeout,
    )
    print(
        json.dumps({"new_photo": asdict(new), "known_photo": asdict(known)}) if args.json else profile_text(new, known)
    )
    return 0


def _write_heatmap(answer: Answer, photo: str, file: str) -> None:
    try:
        answer.overlay(photo).save(file)
    except VitrineError:  # of the photo, not of the file
        raise
    except (OSError, ValueError) as error:
        raise InvalidRequestError(
            f"--heatmap: cannot write {file} ({error}): name a .png or .jpg in a folder"
        ) from error


def _text_line(answer: Answer) -> str:
    return f"{_said(answer.text)}  ({answer.status}, {_sure(answer.confidence)}{_because(answer.reason)})"


def _said(text: str) -> str:
    return text or "(no answer)"


def _sure(confidence: float | None) -> str:
    return "uncalibrated" if confidence is None else f"confidence {confidence:.3f}"


def _because(reason: str) -> str:
    return f"; {reason}" if reason else ""


def _json_line(photo: str, question: str, answer: Answer, time_ms: float) -> str:
    return json.dumps(
        {
            "photo": photo,
            "question": question,
            "answer": answer.text,
            "status": answer.status,
            "confidence": answer.confidence,
            "reason": answer.reason,
            "alternatives": [{"text": a.text, "confidence": a.confidence} for a in answer.alternatives],
            "time_ms": round(time_ms, 1),
            "release": answer.release,
            "request_id": answer.request_id,
        },
        ensure_ascii=False,
    )


def _health(client: VqaClient, args: argparse.Namespace) -> int:
    health = client.health(timeout_s=args.timeout)
    if args.json:
        print(json.dumps({"live": health.live, "ready": health.ready, "model_ready": health.model_ready}))
    else:
        print(f"live: {health.live}, ready: {health.ready}, model vqa loaded: {health.model_ready}")
    return 0 if health.model_ready else 1


if __name__ == "__main__":
    sys.exit(main())
