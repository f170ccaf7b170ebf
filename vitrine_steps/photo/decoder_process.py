"""The program of `apart.py`: for each photo a process of its own, which the operating system holds to its limits."""

import json
import os
import resource
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from PIL import AvifImagePlugin, Image

from vitrine_steps.photo.apart import DIED, HEAD, OUT_OF_TIME, PIXELS, REFUSED, REPLY, heic_is_decoded
from vitrine_steps.photo.pixels import PhotoError, PhotoLimits, pixels_decoded_here

_STATUS_BYTES = 1
_PAGE_BYTES = resource.getpagesize()
_OUT_OF_MEMORY = (MemoryError, RuntimeError)
"""Either, by the place where it ran out; the second may mean a broken photo too."""


def main() -> None:
    """Serve until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: whoever asks ends this
    AvifImagePlugin.DEFAULT_MAX_THREADS = 1
    if heic_is_decoded():
        import pillow_heif

        pillow_heif.options.DECODE_THREADS = 1
        pillow_heif.register_heif_opener()
    Image.init()
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    while len(sizes := requests.read(HEAD.size)) == HEAD.size:
        head_bytes, photo_bytes = HEAD.unpack(sizes)
        head, photo = requests.read(head_bytes), requests.read(photo_bytes)
        status, payload = _in_own_process(json.loads(head), photo)
        with suppress(BrokenPipeError):
            replies.write(REPLY.pack(status, len(payload)) + payload)
            replies.flush()


def _in_own_process(head: dict[str, Any], photo: bytes) -> tuple[bytes, bytes]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with suppress(BaseException), os.fdopen(writing, "wb") as answer:
            _decode(head, photo, answer)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        found = answer.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return (OUT_OF_TIME if os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGXCPU) else DIED), b""
    return (found[:_STATUS_BYTES], found[_STATUS_BYTES:]) if found else (DIED, b"")


def _decode(head: dict[str, Any], photo: bytes, answer: BinaryIO) -> None:
    limits = PhotoLimits(**head.pop("limits"))
    _limit(limits, len(photo))
    try:
        pixels = pixels_decoded_here(photo, limits=limits, **head)
    except PhotoError as error:
        if not isinstance(error.__cause__, _OUT_OF_MEMORY):
            answer.write(REFUSED + str(error).encode())
    else:
        answer.write(PIXELS + HEAD.pack(*pixels.shape[:2]) + pixels.tobytes())


def _limit(limits: PhotoLimits, photo_bytes: int) -> None:
    """Limit this process, from here on, to the memory, time and files that a photo may take, and to no core dumps."""
    held_bytes = int(Path("/proc/self/statm").read_text("ascii").split()[0]) * _PAGE_BYTES
    most_bytes = held_bytes + limits.max_decode_bytes + photo_bytes  # Pillow holds the file a second time
    resource.setrlimit(resource.RLIMIT_AS, (most_bytes, most_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_PROF, limits.max_decode_s)  # of the processor; nobody handles its signal


if __name__ == "__main__":
    main()
