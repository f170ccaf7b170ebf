"""A row of a feed as its reader found it, and the text of a file in whatever encoding it has."""

import codecs
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from command_line.errors import UsageError

MOST_CHARACTERS = 1_000_000
"""Characters of one row."""
_CHUNK_BYTES = 1 << 20
_HEAD_CHARACTERS = 1_024
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f]")
_MOST_CONTROLS = 8
"""Control characters in a file's head from which on it is no text: a spreadsheet or photo has some hundred."""


class FeedError(UsageError):
    """A feed cannot be read at all; says why and what to do."""


@dataclass(frozen=True)
class Row:
    place: str
    """Such as "line 7" or "item 3"."""
    record: Mapping[str, Any] | None
    """What `product_from_record` takes; None: the row cannot be read."""
    reason: str = ""
    """Reason why not, or a note on what was read."""


def open_feed(file: Path) -> TextIO:
    """Open a feed as text: UTF-8 or UTF-16, with or without a byte order mark, or GB18030; found by trying.

    In a file that is none of them, what cannot be read becomes U+FFFD, so that its rows are refused and others kept.

    Raises:
        FeedError: there is no such file, or it is no text, such as a spreadsheet.
    """
    try:
        with file.open("rb") as stream:
            head = stream.read(4)
        encoding = _encoding_of(file, head) or "utf-8"
        with file.open(encoding=encoding, errors="replace", newline="") as text:
            controls = len(_CONTROLS.findall(text.read(_HEAD_CHARACTERS)))
        if controls > _MOST_CONTROLS:
            raise FeedError(f"the feed {file.name} is not a text file: save it as CSV in UTF-8")
        return file.open(encoding=encoding, errors="replace", newline="")
    except OSError as error:
        raise FeedError(f"the feed {file.name} cannot be read ({error.strerror}): name a file that is there") from error


def _encoding_of(file: Path, head: bytes) -> str | None:
    if head.startswith(codecs.BOM_UTF8):
        return "utf-8-sig"
    if head[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if b"\0" in head[:2]:
        return "utf-16-be" if head[0] == 0 else "utf-16-le"
    return next((encoding for encoding in ("utf-8", "gb18030") if _is_encoded(file, encoding)), None)


def _is_encoded(file: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with file.open("rb") as stream:
            for chunk in iter(partial(stream.read, _CHUNK_BYTES), b""):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def lines_of(stream: TextIO) -> Iterator[str]:
    """Give lines; one that is too long comes in pieces, so that no file fills the memory."""
    return iter(partial(stream.readline, MOST_CHARACTERS), "")
