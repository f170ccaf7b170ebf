"""`vitrine`: ask from the command line."""

import argparse
import io
import json
import os
import re
import sys
from pathlib import Path

from vitrine_client.argument_values import questions_in
from vitrine_client.arguments import command_line
from vitrine_client.channel import TlsFiles
from vitrine_client.commands import ask
from vitrine_client.errors import InvalidPhotoError, InvalidRequestError, VitrineError
from vitrine_client.quoting import short_name
from vitrine_client.settings import connection_settings, timeout_setting

_WRONG_USAGE, _INTERRUPTED = 2, 130


def main() -> int:
    parser = command_line()
    args = parser.parse_args()
    if "url" in args and (args.tls_cert or args.tls_key) and not args.tls_ca:
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
        if "url" in args:
            _resolve_settings(args)
    except InvalidRequestError as error:
        return _report_failure(error, args, _WRONG_USAGE)
    try:
        result: int = args.run(args)
        return result
    except (InvalidPhotoError, InvalidRequestError) as error:  # another try would end alike
        return _report_failure(error, args, _WRONG_USAGE)
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
        _require_questions(args)
    else:
        args.photos = args.words
    if len(args.photos) > 1 and args.heatmap:
        args.parser.error(f"--heatmap shows one photo, but {len(args.photos)} came")
    if "-" in args.photos and args.questions_file == "-":
        args.parser.error("standard input is the photo or the questions, not both")


def _require_questions(args: argparse.Namespace) -> None:
    for number, question in enumerate(args.questions, 1):
        if not question.strip():
            args.parser.error(f"question {number} is empty or blank: write one")
        if os.path.isfile(question):  # noqa: PTH113  a question may be longer than a path can be
            print(
                f"vitrine: question {number}, {short_name(question)}, is the name of a file and asked as a "
                "question: several photos are asked about with --questions FILE PHOTO...",
                file=sys.stderr,
            )


def _key_from(file: str | None) -> str | None:
    """Keys come from files, or the environment: a command line is in every user's process list."""
    if file is None:
        return None
    try:
        key = Path(file).read_text("utf-8").strip()
    except (OSError, ValueError) as error:  # ValueError: no text, or a null byte in the path
        reason = (error.strerror if isinstance(error, OSError) else None) or "no UTF-8 text"
        raise InvalidRequestError(f"cannot read the key in {short_name(file)}: {reason}") from error
    if not re.fullmatch(r"[!-~]+", key):
        raise InvalidRequestError(f"{short_name(file)} does not hold a key: one word of letters, digits and signs")
    return key


if __name__ == "__main__":
    sys.exit(main())
