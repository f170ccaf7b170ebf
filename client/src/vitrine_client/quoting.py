"""Quotes of what a caller gave, for errors: enough to know it by, never the whole of a long one."""

import re

MOST_CHARACTERS = 80
_HEAD_CHARACTERS = 40


def quote(value: object) -> str:
    """Write `value` as Python does, in at most 80 characters; a longer one by its beginning and its length."""
    # What is cut off first need not be written out: a caller may have given megabytes.
    text = repr(value[: MOST_CHARACTERS + 1] if isinstance(value, (str, bytes, bytearray)) else value)
    if len(text) <= MOST_CHARACTERS:
        return text
    length = f"{len(value):,} characters" if isinstance(value, str) else type(value).__name__
    return f"{text[:_HEAD_CHARACTERS]}… ({length})"


def short_name(value: str) -> str:
    """Write an address or a path as it stands in a sentence; a long one as `quote` does."""
    return value if isinstance(value, str) and len(value) <= MOST_CHARACTERS else quote(value)


def kind_of(value: object) -> str:
    """Name the type of a value with its article, such as "an int"."""
    name = type(value).__name__
    return f"{'an' if name[0] in 'AEIOaeio' else 'a'} {name}"


def without_long_words(message: str, *words: str) -> str:
    """Shorten what a caller gave in a `message` that others have written.

    Args:
        words: texts of the caller that may stand in it; those of over 80 characters are cut, and so is whatever else
            has that many characters without a space.
    """
    for word in words:
        if len(word) > MOST_CHARACTERS:
            for written in (word, repr(word)[1:-1]):
                message = message.replace(written, f"{word[:_HEAD_CHARACTERS]}… ({len(word):,} characters)")
    return re.sub(rf"\S{{{MOST_CHARACTERS + 1},}}", lambda found: f"{found[0][:_HEAD_CHARACTERS]}…", message)
