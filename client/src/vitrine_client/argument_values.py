"""Values of the options of `vitrine`: each reads a text, or says what came and what is expected."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from vitrine_client.errors import InvalidRequestError
from vitrine_client.quoting import quote, short_name
from vitrine_client.timeouts import LONGEST_TIMEOUT_S, require_timeout

_MOST_DAYS = 36_500


def seconds(text: str) -> float:
    try:
        number: Any = float(text)
    except ValueError:
        number = text
    try:
        return require_timeout(number)
    except InvalidRequestError as error:
        raise argparse.ArgumentTypeError(
            f"{quote(text)} came, but a number of seconds is expected, more than 0 and at most {LONGEST_TIMEOUT_S:,.0f}"
        ) from error


def share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= 1:  # nor where it is not a number
        raise argparse.ArgumentTypeError(
            f"{quote(text)} came, but a share such as 0.001 is expected: more than 0, at most 1"
        )
    return number


def count(text: str) -> int:
    if not text.isdecimal() or len(text) > 9 or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a whole number, at least 1, is expected")
    return int(text)


def days(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= _MOST_DAYS:  # nor where it is not a number
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a number of days is expected, up to {_MOST_DAYS:,}")
    return number


def question(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty or blank: write a question")
    return text


def answer(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("it is empty or blank: write what is right")
    return text


def vectors_file(text: str) -> str:
    if not text.endswith((".npy", ".jsonl")):
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but a name that ends in .npy or .jsonl is expected")
    return _in_a_folder(text)


def heatmap_file(text: str) -> str:
    if Image.registered_extensions().get(Path(text).suffix.lower()) not in Image.SAVE:
        raise argparse.ArgumentTypeError(f"{quote(text)} came, but the name of a .png or .jpg is expected")
    return _in_a_folder(text)


def _in_a_folder(text: str) -> str:
    """Look where a file will be written before anything is asked for it."""
    folder = os.path.dirname(text) or "."  # noqa: PTH120  takes whatever was given, however long
    if not os.path.isdir(folder):  # noqa: PTH112  as above
        raise argparse.ArgumentTypeError(f"cannot write {short_name(text)}: there is no folder {short_name(folder)}")
    if os.path.isdir(text):  # noqa: PTH112  as above
        raise argparse.ArgumentTypeError(f"cannot write {short_name(text)}: it is a folder")
    return text


def questions_in(file: str) -> list[str]:
    """Read the lines of a file that are not blank; "-" is standard input.

    Raises:
        InvalidRequestError: no such file, no text, or nothing in it.
    """
    try:
        text = (sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()).decode("utf-8-sig")
    except (OSError, ValueError) as error:  # ValueError: a null byte in the path, or no UTF-8
        reason = (error.strerror if isinstance(error, OSError) else None) or "no UTF-8 text"
        raise InvalidRequestError(f"--questions: cannot read {short_name(file)}: {reason}") from error
    questions = [line.strip() for line in text.splitlines() if line.strip()]
    if not questions:
        raise InvalidRequestError(f"--questions: {short_name(file)} holds no question: write one a line")
    return questions
