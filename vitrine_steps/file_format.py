"""Checks the version that each of Vitrine's files carries as its field "format"."""

from collections.abc import Mapping
from typing import Any

FIELD = "format"
MANIFEST_FORMAT = 1
"""Format of `manifest.json`; it rises too when the steps in a built repository need another server around them."""


class FormatError(ValueError):
    """A file is of another format than the one that this code reads. The message says which, and what to do."""


def require_format(content: Mapping[str, Any], expected: int, *, file: object, remedy: str) -> None:
    """Check a file's own format number.

    Args:
        content: of the file, a JSON object.
        expected: the number that this code reads, 1 or more.
        file: its path or name, for the message.
        remedy: what to do about another one, for the message.

    Raises:
        FormatError: another number, or none, as in files of before there was one.
    """
    found = content.get(FIELD)
    if found != expected or isinstance(found, bool):
        what = "has no format number" if found is None else f"is of format {found!r}"
        raise FormatError(f"{file} {what}, but format {expected} is expected: {remedy}")
