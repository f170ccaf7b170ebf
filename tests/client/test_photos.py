"""Whatever a caller has as a photo: files and what is read like one, and texts that are no path."""

import base64
import io
import os
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms
from vitrine_client import FakeTransport, InvalidPhotoError, VqaClient
from vitrine_client.photos import MAX_BYTES, bytes_from_photo

from .conftest import HAS_SERVER

EN = "What colour is it?"


class Upload:
    """As of Flask (Werkzeug's FileStorage): no file, but it hands `read` on."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


class Dribble(io.RawIOBase):
    """Gives a byte at a time, as a socket may."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        part, self._left = self._left[:1], self._left[1:]
        buffer[: len(part)] = part
        return len(part)


def _spooled(data: bytes) -> Any:
    """As of FastAPI: `UploadFile.file`."""
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115  it is the caller's
    file.write(data)
    file.seek(0)
    return file


def _in_a_zip(data: bytes) -> Any:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("photo.png", data)
    return zipfile.ZipFile(buffer).open("photo.png")


def _pipe(data: bytes) -> Any:
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    return os.fdopen(reading, "rb")


FILES: dict[str, Callable[[bytes], Any]] = {
    "BytesIO": io.BytesIO,
    "an upload of FastAPI": _spooled,
    "an upload of Flask": lambda data: Upload(io.BytesIO(data)),
    "a member of a zip": _in_a_zip,
    "a pipe": _pipe,
    "one that gives little at a time": Dribble,
    "buffered": lambda data: io.BufferedReader(Dribble(data)),
}


@pytest.mark.parametrize("sentence", FILES)
def test_files_are_read_to_their_end(photo: Path, sentence: str) -> None:
    assert bytes_from_photo(FILES[sentence](photo.read_bytes())) == photo.read_bytes()


def test_every_kind_of_file_gives_the_same_answer(client: VqaClient, photo: Path) -> None:
    data = photo.read_bytes()
    with photo.open("rb") as opened:
        files = [opened, *(make(data) for make in FILES.values())]
        assert len({client.ask(file, EN).text for file in [photo, *files]}) == 1


def test_uploads_of_real_frameworks_are_taken(photo: Path) -> None:
    if not HAS_SERVER:
        pytest.skip("the frameworks are not the client's")
    datastructures = pytest.importorskip("werkzeug.datastructures")
    starlette = pytest.importorskip("starlette.datastructures")
    data = photo.read_bytes()
    assert bytes_from_photo(datastructures.FileStorage(io.BytesIO(data), "a.png")) == data
    upload = starlette.UploadFile(io.BytesIO(data))
    assert bytes_from_photo(upload.file) == data
    with pytest.raises(InvalidPhotoError, match=r"of an upload that is awaited send its `\.file`"):
        bytes_from_photo(upload)


def test_a_file_is_read_from_where_it_stands(photo: Path) -> None:
    file = io.BytesIO(b"header" + photo.read_bytes())
    file.seek(6)
    assert bytes_from_photo(file) == photo.read_bytes()
    with pytest.raises(
        InvalidPhotoError, match=r"nothing is left to read .* a BytesIO: was it read before\? Then seek"
    ):
        bytes_from_photo(file)


def test_a_file_is_not_read_much_beyond_what_a_server_takes() -> None:
    class Endless(io.RawIOBase):
        read_bytes = 0

        def read(self, size: int = -1) -> bytes:
            self.read_bytes += size
            return bytes(size)

    endless = Endless()
    with pytest.raises(InvalidPhotoError, match="more than the 16777216 bytes allowed"):
        bytes_from_photo(endless)
    assert endless.read_bytes == MAX_BYTES + 1
    assert len(bytes_from_photo(io.BytesIO(bytes(MAX_BYTES)))) == MAX_BYTES


def _closed(path: Path) -> Any:
    file = path.open("rb")
    file.close()
    return file


class Awaited:
    async def read(self, size: int) -> bytes:
        return b""


NO_FILES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "opened as text": (lambda path: path.open(), "opened as text: open it as binary"),
    "opened as text of another kind": (lambda path: path.open(encoding="latin-1"), "opened as text"),
    "a text in memory": (lambda _: io.StringIO("photo"), "opened as text"),
    "an empty text in memory": (lambda _: io.StringIO(), "opened as text"),
    "closed": (_closed, "cannot read the photo from a BufferedReader: .*closed file"),
    "for writing": (lambda path: (path.parent / "new").open("wb"), "cannot read the photo from a BufferedWriter"),
    "one to be awaited": (lambda _: Awaited(), "gave a coroutine, but bytes are expected"),
    "one that reads nothing now": (lambda _: Upload(type("N", (), {"read": lambda *_: None})()), "gave a NoneType"),
}


@pytest.mark.parametrize("sentence", NO_FILES)
@pytest.mark.filterwarnings("error::RuntimeWarning", "ignore::ResourceWarning")
def test_what_is_no_binary_file_is_refused_here(photo: Path, sentence: str) -> None:
    make, words = NO_FILES[sentence]
    with pytest.raises(InvalidPhotoError, match=words):
        bytes_from_photo(make(photo))


JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(5000)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(5000)
WEBP = b"RIFF\x00\x10\x00\x00WEBPVP8 " + bytes(5000)
AVIF = b"\x00\x00\x00\x20ftypavif" + bytes(5000)
NO_PATHS = {
    "a JPEG in base64": (base64.b64encode(JPEG).decode(), "as base64 came.*b64decode.*send the bytes"),
    "a PNG in base64": (base64.b64encode(PNG).decode(), "as base64 came"),
    "a WebP in base64": (base64.b64encode(WEBP).decode(), "as base64 came"),
    "an AVIF in base64": (base64.b64encode(AVIF).decode(), "as base64 came"),
    "a short one": (base64.b64encode(PNG[:40]).decode(), "as base64 came"),
    "in lines": (base64.encodebytes(JPEG).decode(), "as base64 came"),
    "for URLs": (base64.urlsafe_b64encode(JPEG + b"\xfb\xff" * 50).decode(), "as base64 came"),
    "a data URI": (
        "data:image/jpeg;base64," + base64.b64encode(JPEG).decode(), "a data: URI came.*decode what follows its comma",
    ),
    "a URL": ("https://shop.example/mug.jpg", "a URL came, 'https://shop.example/mug.jpg': nothing is fetched"),
    "a URL in capitals": ("HTTP://SHOP.EXAMPLE/MUG.JPG", "a URL came.*download the photo"),
    "a bucket's": ("s3://bucket/mug.jpg", "a URL came"),
    "a long URL": ("https://shop.example/" + "a" * 5000, "a URL came"),
    "a long path": ("photos/" + "x" * 5000 + ".jpg", "cannot read the photo 'photos/x.*: File name too long"),
    "a path": ("photos/mug.jpg", "cannot read the photo 'photos/mug.jpg': No such file or directory"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", NO_PATHS)
def test_a_text_that_is_no_path_is_refused_with_what_to_send(sentence: str) -> None:
    text, words = NO_PATHS[sentence]
    with pytest.raises(InvalidPhotoError, match=words) as caught:
        VqaClient(transport=FakeTransport({})).ask(text, EN)
    assert len(str(caught.value)) < 220


def test_a_file_with_such_a_name_is_a_file(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(photo.parent)
    name = base64.b64encode(PNG[:40]).decode()
    photo.rename(name)
    assert bytes_from_photo(name) == Path(name).read_bytes()


@pytest.mark.parametrize("kind", [AVIF, b"GIF89a", b"what is not known yet"])
def test_formats_are_judged_by_the_server(kind: bytes) -> None:
    """This side does not look: what a server learns to read, no client has to."""
    assert bytes_from_photo(kind) == kind
    assert bytes_from_photo(io.BytesIO(kind)) == kind


def test_a_cmyk_image_is_converted_by_its_own_profile() -> None:
    """Lab stands for CMYK here: Pillow makes a profile of it, and none of CMYK."""
    lab = ImageCms.createProfile("LAB")
    red = ImageCms.profileToProfile(
        Image.new("RGB", (8, 8), "red"), ImageCms.createProfile("sRGB"), lab, outputMode="LAB"
    )
    assert red
    red.info["icc_profile"] = ImageCms.ImageCmsProfile(lab).tobytes()
    with Image.open(io.BytesIO(bytes_from_photo(red))) as sent:
        assert "icc_profile" not in sent.info
        pixel = sent.convert("RGB").getpixel((4, 4))
    assert isinstance(pixel, tuple)
    assert pixel[0] > 245
    assert max(pixel[1:]) < 12
