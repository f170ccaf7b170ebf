"""Frames of videos: sampled within their limits; what is no video, or never ends, is one clear error or an end."""

import contextlib
import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from vitrine_client import InvalidPhotoError, InvalidRequestError
from vitrine_client.video import frames

from tests.helpers.videos import sound, turned, video_of

RED, BLUE = (220, 20, 20), (20, 20, 220)
SIZE = (160, 96)


def two_colours(seconds: float = 4, **how: str) -> bytes:
    """Red for the first half, then blue."""
    count = round(seconds * 10)
    return video_of([Image.new("RGB", SIZE, RED if n < count / 2 else BLUE) for n in range(count)], **how)


@pytest.fixture(scope="module")
def video() -> bytes:
    return two_colours()


def seen(video: Any, **limits: Any) -> list[tuple[float, str]]:
    return [
        (round(at_s, 3), "red" if image.getpixel((1, 1))[0] > 128 else "blue")  # type: ignore[index]  # RGB
        for at_s, image in frames(video, **limits)
    ]


@pytest.mark.parametrize("container", ["mp4", "matroska", "mpegts", "avi"])
def test_a_frame_a_second_with_its_time(container: str) -> None:
    codec = "mpeg4" if container == "avi" else "libx264"
    expected = [(0.0, "red"), (1.0, "red"), (2.0, "blue"), (3.0, "blue")]
    assert seen(two_colours(container=container, codec=codec)) == expected


def test_a_video_comes_as_path_as_bytes_or_as_a_file(video: bytes, tmp_path: Path) -> None:
    file = tmp_path / "shelf.mp4"
    file.write_bytes(video)
    with file.open("rb") as opened:
        assert seen(file) == seen(str(file)) == seen(video) == seen(opened) == seen(io.BytesIO(video))


@pytest.mark.parametrize(
    ("limits", "count"),
    [({"every_s": 0.5}, 8), ({"every_s": 0.01}, 40), ({"most": 2}, 2), ({"max_s": 1.5}, 2), ({"every_s": 60}, 1)],
)
def test_limits_of_time_and_number(video: bytes, limits: dict[str, Any], count: int) -> None:
    assert len(seen(video, **limits)) == count


def test_pictures_are_upright_and_not_larger_than_asked_for(video: bytes) -> None:
    assert next(frames(video))[1].size == SIZE
    assert next(frames(video, max_px=4_000))[1].size == (81, 48)
    left_red = Image.new("RGB", SIZE, BLUE)
    left_red.paste(RED, (0, 0, 80, 96))
    upright = next(frames(turned(video_of([left_red]))))[1]
    assert upright.size == SIZE[::-1]
    assert upright.getpixel((48, 10))[0] > 128  # type: ignore[index]  # what was left is above
    assert upright.getpixel((48, 150))[0] < 128  # type: ignore[index]


def test_one_frame_is_a_video_and_a_recording_that_was_cut_off_shows_what_there_is() -> None:
    assert seen(video_of([Image.new("RGB", SIZE, RED)])) == [(0.0, "red")]
    whole = two_colours(container="mpegts")
    assert 0 < len(seen(whole[: len(whole) // 2], every_s=0.1)) < 40


def photo(format: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", SIZE, RED).save(buffer, format)
    return buffer.getvalue()


def _shell_of(picture_size: tuple[int, int]) -> bytes:
    return video_of([Image.new("RGB", picture_size)], codec="mpeg4")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (lambda: b"", "cannot read the video: it is empty (0 bytes)"),
        (lambda: photo("JPEG"), "it is a photo: ask about it with `vitrine ask`"),
        (lambda: photo("PNG"), "it is a photo"),
        (lambda: os.urandom(9_000), "an mp4, mov, mkv, webm, avi or ts is expected"),
        (lambda: two_colours()[:900], "cannot read the video: "),
        (sound, "the video holds no pictures: is it sound alone"),
        (lambda: _shell_of((7680, 4320)), "frames of 7680 x 4320 pixels, but at most 4096 x 2304"),
        (lambda: "no-such.mp4", "cannot read the video no-such.mp4: No such file"),
        (lambda: "/tmp", "cannot read the video /tmp: Is a directory"),  # noqa: S108  read only
        (lambda: "a\0.mp4", "it is no path"),
        (lambda: "https://shop.example/a.mp4", "only rtsp:// is opened; download the file"),
        (lambda: "/dev/zero", "cannot read the video /dev/zero"),
        (lambda: io.StringIO("text"), "was opened as text"),
        (lambda: 7, "but an int came"),
        (lambda: b"#EXTM3U\n#EXTINF:4,\n/etc/hostname\n#EXT-X-ENDLIST\n", "cannot read the video: "),
        (lambda: b"ffconcat version 1.0\nfile /etc/hostname\n", "cannot read the video: "),
    ],
    ids=[
        "nothing", "a JPEG", "a PNG", "noise", "cut before its index", "sound", "8K", "no file", "a folder", "no path",
        "an address", "a device", "text", "a number", "a playlist", "a list of files",
    ],
)  # fmt: skip
def test_what_is_no_video_is_one_clear_error(given: Callable[[], Any], said: str) -> None:
    with pytest.raises(InvalidPhotoError) as error:
        list(frames(given()))
    assert said in error.value.message


def test_the_password_of_a_camera_is_in_no_error() -> None:
    with pytest.raises(InvalidPhotoError, match="cannot read the stream: ") as error:
        list(frames("rtsp://user:secret@127.0.0.1:1/"))
    assert "secret" not in error.value.message


def test_a_playlist_opens_no_other_file(video: bytes, tmp_path: Path) -> None:
    secret = tmp_path / "secret.mp4"
    secret.write_bytes(video)
    for playlist in (f"#EXTM3U\n#EXTINF:4,\n{secret}\n#EXT-X-ENDLIST\n", f"ffconcat version 1.0\nfile '{secret}'\n"):
        with pytest.raises(InvalidPhotoError):
            list(frames(playlist.encode()))


@pytest.mark.parametrize("limit", [{"every_s": 0}, {"most": -1}, {"max_px": "many"}, {"every_s": float("nan")}])
def test_a_limit_that_cannot_be_is_refused_at_once(limit: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match="a number above 0"):
        frames(b"", **limit)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    for end in ends:
        with contextlib.suppress(OSError):
            os.close(end)


def test_an_endless_video_ends_with_its_time_and_a_silent_one_too(pipe: tuple[int, int], tmp_path: Path) -> None:
    part = two_colours(1, container="mpegts")

    def feed() -> None:
        try:
            while True:
                os.write(pipe[1], part)
        except OSError:
            return

    with os.fdopen(pipe[0], "rb") as endless:
        threading.Thread(target=feed, daemon=True).start()
        assert seen(endless, timeout_s=1.0)
    fifo = tmp_path / "fifo.ts"
    os.mkfifo(fifo)
    with pytest.raises(InvalidPhotoError, match=r"showed no frame within 0\.2 s"):
        list(frames(fifo, timeout_s=0.2))


def test_without_pyav_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['av'] = None\nfrom vitrine_client.video import frames\nframes(b'')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'vitrine-client[video]'" in done.stderr
