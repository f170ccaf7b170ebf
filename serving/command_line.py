"""What all command lines share: numbers within bounds, folders that must fit, and the exit status.

Exit status 2 says that what was asked for cannot be: the value of an option, or
a file or folder that it names. 1 says that the work failed.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from serving.errors import UsageError
from serving.supervision.signals import INTERRUPTED
from serving.triton.integrity import read_manifest

_MOST = 10**9


def whole_number(least: int, most: int = _MOST) -> Callable[[str], int]:
    """The `type` of an argparse option that takes `least` to `most`."""

    def parsed(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = least - 1
        if not least <= number <= most:
            bounds = f"at least {least}" if most == _MOST else f"{least} to {most}"
            raise argparse.ArgumentTypeError(f"{text[:80]!r} came, but a whole number, {bounds}, is expected")
        return number

    return parsed


def positive(text: str) -> float:
    """The `type` of an argparse option that takes a number above 0, such as seconds."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < _MOST:  # nor where it is not a number
        raise argparse.ArgumentTypeError(f"{text[:80]!r} came, but a number above 0 is expected")
    return number


def built_repository(text: str) -> Path:
    """The `type` of an argparse option that takes a folder that `python -m builders` wrote."""
    try:
        read_manifest(Path(text))
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return Path(text)


def existing_folder(text: str) -> Path:
    """The `type` of an argparse option that takes a folder that is there."""
    if not Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text} is not a folder that exists")
    return Path(text)


def make_folder(folder: Path) -> None:
    """Make an output's folder, before any work is done for it.

    Raises:
        UsageError: there is something else, or no right to write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder} ({error.strerror}): name another") from error


def exit_status(main: Callable[[], int]) -> int:
    """Run a command. Errors that are for people, which know their exit status, are said on standard error."""
    try:
        return main()
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        status = getattr(error, "exit_status", None)
        if not isinstance(status, int):
            raise
        print(f"error: {error}", file=sys.stderr)
        return status
