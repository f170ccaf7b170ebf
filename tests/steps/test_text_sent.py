"""Texts that stand for a photo: what is to be sent instead is said, and nothing of them."""

import base64
import io
import time
from random import Random

import pytest
from PIL import Image

from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, pixels_from_photo
from vitrine_steps.photo.text_sent import hint_about_text


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    noise = Random(0).randbytes(64 * 48)  # the same in every process: the tests are named after it
    Image.frombytes("L", (64, 48), noise).convert("RGB").save(buffer, kind)
    return buffer.getvalue()


JPEG = encoded("JPEG")
TEXT = base64.b64encode(JPEG)


@pytest.mark.parametrize(
    ("sent", "hint"),
    [
        (TEXT, "base64 text came"),
        (base64.urlsafe_b64encode(JPEG), "base64 text came"),
        (base64.encodebytes(JPEG), "base64 text came"),
        (base64.encodebytes(JPEG).replace(b"\n", b"\r\n"), "base64 text came"),
        (TEXT * 100, "base64 text came"),
        (b'"' + TEXT + b'"', "base64 text came"),
        (TEXT[:10], "base64 text came"),
        (base64.b64encode(b"\0\0\0\x24ftypheic" + JPEG), "base64 text came"),
        (base64.b64encode(bytes(range(256))), "base64 text came"),
        *((base64.b64encode(encoded(kind)), "base64 text came") for kind in ("PNG", "WEBP", "GIF", "BMP", "TIFF")),
        (b"data:image/jpeg;base64," + TEXT, "a data: URI came"),
        (b"DATA:image/svg+xml,%3Csvg", "a data: URI came"),
        (b"https://shop.example/photos/1.jpg?size=large", "a URL came"),
        (b"\xef\xbb\xbf s3://bucket/photo.jpg\n", "a URL came"),
        (b"file:///home/someone/photo.jpg", "a URL came"),
        (str(JPEG).encode(), "bytes printed as text came"),
        (b"<!DOCTYPE html><html><body>404 not found", "an HTML page came"),
        (b"/home/someone/photos/1.JPG\n", "a file's name came"),
        (rb"C:\Users\someone\photo.png", "a file's name came"),
        ("照片.jpeg".encode(), "a file's name came"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value[:24]),
)
def test_what_came_and_what_to_send_is_said(sent: bytes, hint: str) -> None:
    with pytest.raises(PhotoError) as caught:
        pixels_from_photo(sent, side_px=32, limits=PhotoLimits())
    message = str(caught.value)
    assert message.startswith(hint)
    assert "but the photo's own bytes are expected: " in message
    assert len(message) < 160
    assert sent[:12].decode("utf-8", "replace").strip() not in message


@pytest.mark.parametrize(
    "sent",
    [b"hello", b"red", b"What colour is it?", b"aaaa" * 40, b"\0" * 100, b"<svg xmlns='x'/>", b"{}", b"://", b"b"],
)
def test_other_bytes_are_not_called_so(sent: bytes) -> None:
    assert hint_about_text(sent) is None


def test_whole_photos_are_no_text() -> None:
    assert all(hint_about_text(encoded(kind)) is None for kind in ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"))


@pytest.mark.parametrize(
    "sent", [b"A " * 8_000_000, b"a" * 16_000_000, b"AAAA " * 3_000_000 + b"\0", b"x" * 1024 + b"\n" * 9]
)
def test_no_text_takes_long(sent: bytes) -> None:
    """Well under the 1.5 s that decoding a photo may take; patterns that go back and forth would take minutes."""
    start_s = time.process_time()
    hint_about_text(sent)
    assert time.process_time() - start_s < 0.5
