"""Checks a text that a caller sent, and tokenises it."""

from tokenizers import Encoding, Tokenizer


class TextError(ValueError):
    """The caller's text cannot be used. The message is fit for the caller to read."""


def text_from_bytes(value: bytes, *, max_bytes: int, what: str, remedy: str) -> str:
    """Decode and check one text.

    Args:
        what: how a message calls it, such as "the question".
        remedy: what to do when it is empty or too long, such as "ask more briefly".

    Raises:
        TextError: too long in bytes, not UTF-8, blank, or with a null byte.
    """
    if len(value) > max_bytes:
        raise TextError(f"{what} has {len(value)} bytes, more than the {max_bytes} allowed: {remedy}")
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise TextError(
            f"{what} is not UTF-8 (byte 0x{value[error.start]:02x} at position {error.start}): encode it as UTF-8"
        ) from error
    if "\0" in text:
        raise TextError(f"{what} has a null byte at position {text.index(chr(0))}: send plain text")
    if not text.strip():
        raise TextError(f"{what} is empty or blank: {remedy}")
    return text


def encoded_text(tokenizer: Tokenizer, text: str) -> Encoding:
    """Tokenise a caller's text: "[SEP]" and its like are words in it, as any others.

    The tokenizer is left as it was.
    """
    before = tokenizer.encode_special_tokens
    tokenizer.encode_special_tokens = True
    try:
        return tokenizer.encode(text)
    finally:
        tokenizer.encode_special_tokens = before
