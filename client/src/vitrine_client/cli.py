"""`vitrine`: ask from the command line."""

import argparse
import io
import json
import math
import os
import sys
from pathlib import Path
from typing import Any, NoReturn

import vitrine_client
from vitrine_client.calls import require_timeout
from vitrine_client.channel import TlsFiles
from vitrine_client.commands import ask, choose, embed, health, profile, questions_in
from vitrine_client.errors import InvalidRequestError, VitrineError
from vitrine_client.quoting import quote, short_name, without_long_words
from vitrine_client.settings import DEFAULT_URL, connection_settings, timeout_setting

_WRONG_USAGE, _INTERRUPTED = 2, 130


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """What is wrong, without the whole of an argument that is long."""
        values = [part for word in sys.argv[1:] for part in (word, word.partition("=")[2])]
        super().error(without_long_words(message, *values))


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    if (args.tls_cert or args.tls_key) and not args.tls_ca:
        args.parser.error("--tls-cert and --tls-key go with --tls-ca: without it nothing is encrypted")
    if args.run is ask:
        _require_photos_and_questions(args)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # where the terminal has no Chinese
    try:
        result = _run(args)
        sys.stdout.flush()
        return result
    except KeyboardInterrupt:
        return _INTERRUPTED
    except OSError as error:  # a reader that has gone, such as head; a full disk
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left has nowhere to go
        if not isinstance(error, BrokenPipeError):
            print(f"vitrine: cannot write the answers: {error}", file=sys.stderr)
        return 1


def _run(args: argparse.Namespace) -> int:
    try:
        _resolve_settings(args)
    except InvalidRequestError as error:
        return _report_failure(error, args, _WRONG_USAGE)
    try:
        result: int = args.run(args)
        return result
    except VitrineError as error:
        return _report_failure(error, args, 1)


def _report_failure(error: VitrineError, args: argparse.Namespace, status: int) -> int:
    if args.json:
        fields = {name: getattr(error, name) or None for name in ("code", "model", "request_id")}
        print(json.dumps({"error": error.message, **fields}, ensure_ascii=False))
    print(f"vitrine: {error}", file=sys.stderr)
    return status


def _resolve_settings(args: argparse.Namespace) -> None:
    """Into `args`, all that does not depend on the photo, the question or the server.

    Raises:
        InvalidRequestError: what is named as address, key, certificate or list of questions is none.
    """
    args.timeout = timeout_setting(args.timeout)
    args.tls = TlsFiles(args.tls_ca, args.tls_cert, args.tls_key) if args.tls_ca else None
    args.admin_key = _key_from(args.admin_key_file)
    args.connection = connection_settings(
        args.url, args.tls, _key_from(args.api_key_file), has_api_key=args.has_api_key
    )
    if args.questions_file is not None:
        args.questions = questions_in(args.questions_file)


def _require_photos_and_questions(args: argparse.Namespace) -> None:
    """`PHOTO QUESTION...`, or with --questions `PHOTO...`."""
    if args.questions_file is None:
        args.photos, args.questions = args.words[:1], args.words[1:]
        if not args.questions:
            args.parser.error("a question is missing: PHOTO QUESTION..., or --questions FILE PHOTO...")
    else:
        args.photos = args.words
    if len(args.photos) > 1 and args.heatmap:
        args.parser.error(f"--heatmap shows one photo, but {len(args.photos)} came")
    if "-" in args.photos and args.questions_file == "-":
        args.parser.error("standard input is the photo or the questions, not both")


def _seconds(text: str) -> float:
    try:
        seconds: Any = float(text)
    except ValueError:
        seconds = text
    try:
        return require_timeout(seconds)
    except InvalidRequestError as error:
        raise argparse.ArgumentTypeError(error.message) from error


def _share(text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = math.nan
    if not math.isfinite(share):
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a share such as 0.001 is expected")
    return share


def _count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a whole number, at least 1, is expected")
    return int(text)


def _vectors_file(text: str) -> str:
    if not text.endswith((".npy", ".jsonl")):
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a name that ends in .npy or .jsonl is expected")
    return text


def _key_from(file: str | None) -> str | None:
    """Keys come from files, or the environment: a command line is in every user's process list."""
    if file is None:
        return None
    try:
        return Path(file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:  # ValueError: no text, or a null byte in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or "no UTF-8 text"
        raise InvalidRequestError(f"cannot read the key in {short_name(file)}: {reason}") from error


def _parser() -> argparse.ArgumentParser:
    common = _Parser(add_help=False)
    common.add_argument("--url", help=f"the server's gRPC address (default: $VITRINE_URL, else {DEFAULT_URL})")
    common.add_argument(
        "--timeout", type=_seconds, metavar="S", help="seconds to wait (default: $VITRINE_TIMEOUT_S, else 10)"
    )
    common.add_argument("--tls-ca", metavar="PEM", help="encrypt, and trust servers that this authority has signed")
    common.add_argument("--tls-cert", metavar="PEM", help="our own certificate, where the server asks for one")
    common.add_argument("--tls-key", metavar="PEM", help="its key")
    common.add_argument("--json", action="store_true", help="print one JSON object a line, for programs")
    common.set_defaults(api_key_file=None, admin_key_file=None, questions_file=None, has_api_key=True)
    keyed = _Parser(add_help=False)
    keyed.add_argument(
        "--api-key-file",
        metavar="FILE",
        help="holds the key that a gateway asks for (else it is $VITRINE_API_KEY); needs --tls-ca",
    )
    parser = _Parser(
        prog="vitrine",
        description="Ask a Vitrine server questions about product photos, in English or Chinese.",
        epilog="exit status: 0 answered or healthy, 1 a failure (said on standard error), 2 wrong usage",
    )
    parser.add_argument("--version", action="version", version=vitrine_client.__version__)
    commands = parser.add_subparsers(dest="command", required=True)
    ask_parser = commands.add_parser(
        "ask",
        parents=[common, keyed],
        help="ask about a photo",
        usage="vitrine ask [options] PHOTO QUESTION [QUESTION ...]\n"
        "       vitrine ask [options] --questions FILE PHOTO [PHOTO ...]",
        description="Ask one or more questions about one photo, or those of a file about many.",
        epilog='example: vitrine ask mug.jpg "What colour is the mug?" 有几个？',
    )
    ask_parser.add_argument(
        "words",
        nargs="+",
        metavar="PHOTO, QUESTION",
        help="a file, such as a JPEG, or - for standard input; then its questions, which are asked together (options "
        "go before or after them all)",
    )
    ask_parser.add_argument(
        "--questions",
        dest="questions_file",
        metavar="FILE",
        help="holds a question a line, or - for standard input; what is named beside it are photos",
    )
    ask_parser.add_argument("--heatmap", metavar="FILE", help="write the photo with where the first question looked")
    ask_parser.add_argument(
        "--max-risk",
        type=_share,
        metavar="SHARE",
        help="of wrong answers; stricter than the server's own, such as 0.001",
    )
    ask_parser.set_defaults(run=ask, parser=ask_parser)
    choose_parser = commands.add_parser(
        "choose",
        parents=[common, keyed],
        help="ask which of a list of answers is right",
        description="Ask one question about one photo, with the answers that are allowed.",
        epilog='example: vitrine choose mug.jpg "What colour is it?" red blue green',
    )
    choose_parser.add_argument("photo", help="a file, such as a JPEG, or - for standard input")
    choose_parser.add_argument("question")
    choose_parser.add_argument("candidate", nargs="+", help="an allowed answer; up to 256")
    choose_parser.add_argument("--max-risk", type=_share, metavar="SHARE", help="as of vitrine ask")
    choose_parser.set_defaults(run=choose, parser=choose_parser)
    embed_parser = commands.add_parser(
        "embed",
        parents=[common, keyed],
        help="photos as vectors, for finding similar products",
        description="Write the vector of each photo: one JSON object a line, or the rows of a .npy file.",
        epilog="example: vitrine embed photos/*.jpg --output photos.npy",
    )
    embed_parser.add_argument("photos", nargs="+", metavar="PHOTO", help="a file, or - for standard input")
    embed_parser.add_argument(
        "--output",
        type=_vectors_file,
        metavar="FILE",
        help="a .npy, [photos, E] float32, a row for each photo in their order; or a .jsonl (default: JSON Lines on "
        "standard output)",
    )
    embed_parser.set_defaults(run=embed, parser=embed_parser)
    profile_parser = commands.add_parser(
        "profile",
        parents=[common],
        help="where the time of a question goes",
        description="Ask some times about a photo that the server does not know, and about one that it does, "
        "and say where the time went: here, on the way, waiting, and in each step of the server (from Triton's own "
        "statistics, so profile a server that nobody else asks, at its own port and not at a gateway).",
        epilog='example: vitrine profile mug.jpg "What colour is the mug?"',
    )
    profile_parser.add_argument("photo", help="a file, such as a JPEG, or - for standard input")
    profile_parser.add_argument("question")
    profile_parser.add_argument(
        "--repeat", type=_count, default=10, metavar="N", help="questions of each (default: 10)"
    )
    profile_parser.add_argument(
        "--admin-key-file", metavar="FILE", help="holds the key that the server was started with, as --admin-key-file"
    )
    profile_parser.set_defaults(run=profile, parser=profile_parser, has_api_key=False)
    health_parser = commands.add_parser(
        "health",
        parents=[common, keyed],
        help="is the server there and ready?",
        description="Say whether the server takes questions.",
    )
    health_parser.set_defaults(run=health, parser=health_parser)
    return parser


if __name__ == "__main__":
    sys.exit(main())
