"""Kinds of values that options take, each with its name in the help and with what it refuses.

A field is annotated with one of them: `callers: Count = 6`. One that is used
once is made beside its field: `Annotated[float, Argument(share, "SHARE")]`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeVar

from command_line.errors import UsageError

NOT_GIVEN: Any = object()
_LARGEST = 10**9
_T = TypeVar("_T")


@dataclass(frozen=True)
class Argument:
    """How the command line takes a field, beyond its type and its default."""

    read: Callable[[str], Any] | None = None
    """Turns the text that came into the value, or raises ValueError with what came and what was expected. None: the
    field's type does."""
    metavar: str | tuple[str, ...] = ""
    """Stands for the value in the help; of a tuple of fixed length, one for each."""
    is_positional: bool = False
    """Without a flag: named by its place."""
    is_repeated: bool = False
    """The option is given again for each element of a tuple."""
    is_hidden: bool = False
    """Not shown in the help: for programs that start this one."""
    flag: str = ""
    """Such as "--from", where Python keeps the flag's own word for itself."""
    without_value: Any = NOT_GIVEN
    """The field's value where the option stands alone; not set: it needs a value."""


def whole_number(at_least: int, at_most: int = _LARGEST) -> Callable[[str], int]:
    """Make a reader of whole numbers within bounds, both included."""
    bounds = f"at least {at_least}" if at_most == _LARGEST else f"{at_least} to {at_most}"

    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = at_least - 1
        if not at_least <= number <= at_most:
            raise ValueError(f"{text[:80]!r} came, but a whole number, {bounds}, is expected")
        return number

    return read


def number(expected: str, is_right: Callable[[float], bool]) -> Callable[[str], float]:
    """Make a reader of numbers.

    Args:
        expected: what a wrong one is told, such as "a number above 0".
        is_right: says whether a number is one of those; not asked of what is no number.
    """

    def read(text: str) -> float:
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if math.isnan(found) or not is_right(found):
            raise ValueError(f"{text[:80]!r} came, but {expected} is expected")
        return found

    return read


positive = number("a number above 0", lambda found: 0 < found < _LARGEST)
"""Reads a number above 0, such as seconds."""


def existing_folder(text: str) -> Path:
    """Read a folder that is there."""
    if not Path(text).is_dir():
        raise ValueError(f"{text} is not a folder that exists")
    return Path(text)


Positional = Annotated[_T, Argument(is_positional=True)]
Repeated = Annotated[_T, Argument(is_repeated=True)]
Count = Annotated[int, Argument(whole_number(1), "N")]
WholeNumber = Annotated[int, Argument(whole_number(0), "N")]
Port = Annotated[int, Argument(whole_number(0, 65_535), "PORT")]
Seconds = Annotated[float, Argument(positive, "S")]
Folder = Annotated[Path, Argument(metavar="FOLDER")]
ExistingFolder = Annotated[Path, Argument(existing_folder, "FOLDER")]
File = Annotated[Path, Argument(metavar="FILE")]
CheckpointName = Annotated[str, Argument(metavar="PATH_OR_HUB_ID")]


def make_folder(folder: Path) -> None:
    """Make an output's folder, before any work is done for it.

    Raises:
        UsageError: there is something else, or no right to write there.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make the folder {folder} ({error.strerror}): name another") from error
