"""Says what to send instead, where a text about a photo came and not the photo."""

import re

_MAGIC_IN_BASE64 = (b"/9j/", b"iVBOR", b"UklGR", b"R0lGOD", b"Qk", b"SUkq", b"TU0A", b"AAAA")
"""JPEG, PNG, WebP, GIF, BMP, TIFF, and the family of HEIC and AVIF."""
_HEAD_BYTES = 4096
_LEAST_MAGIC_BYTES, _LEAST_BASE64_BYTES = 8, 64
"""Least lengths of text that begins like a photo, and of any other; words are shorter."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/_=-][A-Za-z0-9+/_=\s-]*")
_MIXED = re.compile(rb"(?=.*[a-z])(?=.*[A-Z])(?=.*[0-9])", re.DOTALL)
_URL = re.compile(rb"[a-z][a-z0-9+.-]{1,19}://\S", re.IGNORECASE)
_FILE_NAME = re.compile(rb"[^\n]{1,1024}\.(?:jpe?g|png|webp|gif|heic|heif|avif|bmp|tiff?)", re.IGNORECASE)
_QUOTES = b"\"' \t\r\n"


def hint_about_text(photo: bytes) -> str | None:
    """Say what came and what to do, for text that stands for a photo; nothing of the text itself is said again.

    Returns:
        None where it is no such text.
    """
    head = photo[:_HEAD_BYTES].removeprefix(b"\xef\xbb\xbf").lstrip(_QUOTES)
    expected = "but the photo's own bytes are expected"
    if head[:5].lower() == b"data:":
        return f"a data: URI came, {expected}: decode the base64 that follows its comma"
    if _URL.match(head):
        return f"a URL came, {expected}: fetch it yourself, and send what it holds"
    if photo[:2] in (b"b'", b'b"'):
        return f"bytes printed as text came, {expected}: send the bytes, not str() of them"
    if head[:1] == b"<" and b"<svg" not in head.lower() and b"html" in head.lower():
        return f"an HTML page came, {expected}: look at what the photo's address answers"
    if len(photo) <= _HEAD_BYTES and _FILE_NAME.fullmatch(head.rstrip(_QUOTES)):
        return f"a file's name came, {expected}: read the file, and send what it holds"
    if _is_base64(head.rstrip(_QUOTES)):
        return f"base64 text came, {expected}: decode it first"
    return None


def _is_base64(text: bytes) -> bool:
    if not _BASE64.fullmatch(text):
        return False
    if text.startswith(_MAGIC_IN_BASE64):
        return len(text) >= _LEAST_MAGIC_BYTES
    return len(text) >= _LEAST_BASE64_BYTES and bool(_MIXED.match(text))
