"""Frames of a video, decoded within limits of time, number and pixels."""

import io
import os
import re
import select
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any, TypeAlias

from PIL import Image

from vitrine_client.errors import InvalidPhotoError, InvalidRequestError
from vitrine_client.extras import package
from vitrine_client.photos import BinaryFile
from vitrine_client.quoting import kind_of, quote, short_name, without_long_words
from vitrine_client.timeouts import is_number, require_timeout

Video: TypeAlias = str | os.PathLike[str] | bytes | BinaryFile
"""Video as a path, an rtsp:// address, the bytes of a file, or an open binary file."""
_MOST_DECODED_PX = 4096 * 2304
"""Larger frames are refused before they are decoded: one of 8K takes 50 MB and a tenth of a second."""
_MOST_PROBED_PX = 4 * _MOST_DECODED_PX
"""Up to here the refusal says the size; a header with more is not believed."""
_EXPECTED = "an mp4, mov, mkv, webm, avi or ts is expected, of at most 4096 x 2304 pixels"
_CONTAINERS = "mov,mp4,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf"
"""Formats that hold all they show: a playlist would have other files opened, which its maker names."""
_STREAM = re.compile(r"rtsps?://", re.IGNORECASE)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://", re.IGNORECASE)
_PHOTOS = (b"\xff\xd8\xff", b"\x89PNG")
_HEAD_BYTES = 16
_SILENCE_S = 10.0


def frames(
    video: Video,
    *,
    every_s: float = 1.0,
    most: int = 600,
    max_s: float = 600.0,
    max_px: int = 4_000_000,
    timeout_s: float = 600.0,
) -> Iterator[tuple[float, Image.Image]]:
    """Sample a video: yield the time of each frame, in seconds from the first, and its picture, RGB and upright.

    Args:
        video: see `Video`; mp4, mov, mkv, webm, avi, ts and the like.
        every_s: seconds between two frames; a video with fewer gives each.
        most: frames, at most.
        max_s: seconds of the video that are looked at.
        max_px: pixels of a picture; a frame with more is shrunk. One of more than 4096 x 2304 is refused.
        timeout_s: seconds by the clock, those of the caller between two frames counted in. Then the video ends, also
            where it is endless or nothing comes. What cannot be waited for is a `read` of the caller's own object.

    Raises:
        InvalidPhotoError: no video, a broken one, one without pictures or with too large ones, or nothing came in time.
        InvalidRequestError: a limit that cannot be; PyAV is not installed.
    """
    for name, value in {"every_s": every_s, "most": most, "max_s": max_s, "max_px": max_px}.items():
        if not is_number(value) or not value > 0:
            raise InvalidRequestError(f"{name} is a number above 0, but {quote(value)} came")
    return _frames(package("av", "video"), video, every_s, most, max_s, max_px, require_timeout(timeout_s))


def _frames(
    av: Any, video: Video, every_s: float, most: int, max_s: float, max_px: int, timeout_s: float
) -> Iterator[tuple[float, Image.Image]]:
    end_s = time.monotonic() + timeout_s
    first_s: float | None = None
    next_s, count = 0.0, 0
    named = _name(video)
    with ExitStack() as stack:
        try:
            container = stack.enter_context(_opened(av, video, end_s, stack))
            stream = _stream_of_pictures(av, container, named)
            for packet in container.demux():
                if time.monotonic() > end_s:
                    break
                for frame in packet.decode() if packet.stream is stream else ():
                    if frame.time is None:
                        continue
                    first_s = frame.time if first_s is None else first_s
                    time_s = frame.time - first_s
                    if time_s > max_s:
                        return
                    if time_s < next_s - 1e-6:
                        continue
                    yield time_s, _picture(frame, max_px)
                    next_s, count = (time_s + 1e-6) // every_s * every_s + every_s, count + 1
                    if count >= most:
                        return
        except av.FFmpegError as error:
            if time.monotonic() < end_s:  # else it was cut off
                after = f" after {time_s:.1f} s" if count else ""
                reason = without_long_words(str(error.strerror))
                raise InvalidPhotoError(f"cannot read {named}{after}: {reason}; {_EXPECTED}") from error
    if not count:
        within = f" within {timeout_s:g} s" if time.monotonic() > end_s else ""
        raise InvalidPhotoError(f"{named} showed no frame{within}; {_EXPECTED}")


def _name(video: Video) -> str:
    """Name a video for errors; an address may hold a password."""
    if not isinstance(video, (str, os.PathLike)):
        return "the video"
    path = os.fsdecode(video)
    return "the stream" if _STREAM.match(path) else f"the video {short_name(path)}"


def _opened(av: Any, video: Video, end_s: float, stack: ExitStack) -> Any:
    """Open a video; files go through ours, so that FFmpeg opens none itself."""
    limits = {"max_pixels": str(_MOST_PROBED_PX)}
    if isinstance(video, str) and _STREAM.match(video):
        return av.open(video, options={**limits, "rtsp_transport": "tcp"}, timeout=_SILENCE_S)
    file: Any = video
    if isinstance(video, bytes):
        _require_no_photo(video, video[:_HEAD_BYTES])
        file = io.BytesIO(video)
    elif isinstance(video, (str, os.PathLike)):
        if _ADDRESS.match(os.fsdecode(video)):
            raise InvalidPhotoError(f"{_name(video)} is an address: only rtsp:// is opened; download the file")
        try:  # a pipe that nobody writes to must not hold us
            descriptor = os.open(video, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
            file = stack.enter_context(os.fdopen(descriptor, "rb", buffering=0))
        except (OSError, ValueError) as error:  # ValueError: a null byte in the path
            reason = (error.strerror if isinstance(error, OSError) else None) or "it is no path"
            raise InvalidPhotoError(f"cannot read {_name(video)}: {reason}") from error
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _require_no_photo(video, file.read(_HEAD_BYTES))
            file.seek(0)
    elif not callable(getattr(video, "read", None)):
        raise InvalidPhotoError(f"a video is a path, bytes or an open binary file, but {kind_of(video)} came")
    return av.open(_EndingFile(file, end_s), options={**limits, "format_whitelist": _CONTAINERS})


def _require_no_photo(video: Video, head: bytes) -> None:
    if not head:
        raise InvalidPhotoError(f"cannot read {_name(video)}: it is empty (0 bytes)")
    if head.startswith(_PHOTOS):
        raise InvalidPhotoError(f"cannot read {_name(video)}: it is a photo: ask about it with `vitrine ask`")


class _EndingFile:
    """File that ends when its time is up, even where nothing comes."""

    def __init__(self, file: Any, end_s: float) -> None:
        self._end_s = end_s
        self._read = getattr(file, "read1", file.read)  # of a pipe what is there, not all that was asked for
        self._pipe: Any = None
        if getattr(file, "seekable", lambda: False)():
            self.seek, self.tell = file.seek, file.tell
        else:
            self._pipe = _file_to_wait_for(file)

    def read(self, size: int) -> bytes:
        left_s = self._end_s - time.monotonic()
        if left_s <= 0 or (self._pipe and not select.select([self._pipe], [], [], left_s)[0]):
            return b""
        part = self._read(size)
        if isinstance(part, str):
            raise InvalidPhotoError('the video\'s file was opened as text: open it as binary, open(path, "rb")')
        return part or b""


def _file_to_wait_for(file: Any) -> Any:
    """Return a pipe, socket or device itself; None for an object without a descriptor."""
    try:
        return None if stat.S_ISREG(os.fstat(file.fileno()).st_mode) else file
    except (AttributeError, OSError, ValueError):
        return None


def _stream_of_pictures(av: Any, container: Any, named: str) -> Any:
    cover = av.stream.Disposition.attached_pic
    streams = [one for one in container.streams.video if not one.disposition & cover]
    if not streams:
        raise InvalidPhotoError(f"{named} holds no pictures: is it sound alone?")
    stream = streams[0]
    if stream.width * stream.height > _MOST_DECODED_PX:
        raise InvalidPhotoError(
            f"{named} has frames of {stream.width} x {stream.height} pixels, but at most 4096 x 2304 are taken: send "
            "it smaller"
        )
    stream.codec_context.options = {"max_pixels": str(_MOST_DECODED_PX)}  # it may grow on the way
    stream.thread_type = "AUTO"
    return stream


def _picture(frame: Any, max_px: int) -> Image.Image:
    scale = min(1.0, (max_px / (frame.width * frame.height)) ** 0.5)
    width, height = (max(1, int(side * scale)) for side in (frame.width, frame.height))
    image: Image.Image = frame.to_image(width=width, height=height)
    return image.rotate(frame.rotation, expand=True) if frame.rotation else image
