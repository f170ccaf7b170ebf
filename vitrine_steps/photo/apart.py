"""Decodes what comes in one call that nothing can interrupt, AVIF and HEIC, in a process apart.

JPEG, PNG and WebP are read block by block, and stopped in between. A video
codec's picture is not: of a file of a few kilobytes it may decode thousands
of frames that are never shown. So the operating system holds each photo's own
process to its time and memory, and ends it; see `decoder_process.py`.
"""

import importlib.util
import json
import os
import shutil
import struct
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.photo.budget import TooCostlyError, out_of_time

if TYPE_CHECKING:
    from vitrine_steps.photo.pixels import PhotoLimits

APART_KINDS = ("AVIF", "HEIC", "HEIF")
REPLY = struct.Struct(">cI")
PIXELS, REFUSED, OUT_OF_TIME, DIED = b"p", b"r", b"t", b"d"
HEAD = struct.Struct(">II")

_PROGRAM = "vitrine_steps.photo.decoder_process"
_IMPORT_ROOT = Path(__file__).parents[2]
"""The folder that holds this package: a built model's version folder, or the checkout."""
_MOST_MESSAGE_BYTES = 1000
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "PYTHONHOME")
"""Variables that a program needs to start; others, such as keys, are nothing for a decoder of hostile files."""


@cache
def heic_is_decoded() -> bool:
    """Return whether `pillow-heif`, which is not among the dependencies, is installed."""
    return importlib.util.find_spec("pillow_heif") is not None


class DecoderApart:
    """Process that waits for photos, and starts one of its own for each; started with the first photo."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()

    def pixels(
        self, photo: bytes, kind: str, *, side_px: int, limits: "PhotoLimits", draft_ratio: int | None, fit: str
    ) -> tuple[NDArray[np.uint8] | None, str]:
        """Decode one photo; see `photo.pixels_from_photo`.

        Returns:
            The pixels, or None and what to tell the caller.

        Raises:
            TooCostlyError: it took more time or memory than it may.
            OSError: the process cannot be started, or ended twice.
        """
        head = {"kind": kind, "side_px": side_px, "draft_ratio": draft_ratio, "fit": fit, "limits": asdict(limits)}
        with self._lock:
            try:
                status, payload = self._ask(head, photo)
            except (OSError, EOFError):  # it was ended from outside
                self.close()
                try:
                    status, payload = self._ask(head, photo)
                except (OSError, EOFError) as error:
                    self.close()
                    raise OSError("the process that decodes AVIF and HEIC ended twice") from error
        if status == OUT_OF_TIME:
            raise out_of_time(limits.max_decode_s)
        if status == PIXELS:
            height, width = HEAD.unpack_from(payload)
            if max(height, width) <= side_px and len(payload) == HEAD.size + height * width * 3:
                return np.frombuffer(payload, np.uint8, offset=HEAD.size).reshape(height, width, 3), ""
        if status == REFUSED:
            return None, payload[:_MOST_MESSAGE_BYTES].decode("utf-8", "replace")
        raise TooCostlyError(
            f"is broken, or takes more than the {limits.max_decode_bytes / 2**20:.0f} MiB allowed to decode"
        )

    def close(self) -> None:
        """End the process; the next photo starts another."""
        process, self._process = self._process, None
        if process:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                if pipe:
                    with suppress(OSError):
                        pipe.close()

    def _ask(self, head: dict[str, object], photo: bytes) -> tuple[bytes, bytes]:
        if self._process is None:
            self._process = _start_process()
        assert self._process.stdin
        assert self._process.stdout
        words = json.dumps(head).encode()
        self._process.stdin.write(HEAD.pack(len(words), len(photo)) + words)
        self._process.stdin.write(photo)
        self._process.stdin.flush()
        status, size = REPLY.unpack(_read_exactly(self._process.stdout, REPLY.size))
        return status, _read_exactly(self._process.stdout, size)


def _read_exactly(stream: object, size: int) -> bytes:
    """Read so many bytes.

    Raises:
        EOFError: there is less.
    """
    found: bytes = stream.read(size)  # type: ignore[attr-defined]
    if len(found) < size:
        raise EOFError
    return found


def _start_process() -> subprocess.Popen[bytes]:
    # Inside Triton, the interpreter is part of another program; its site-packages are those of the first on the path.
    own = Path(sys.executable or "")
    python = str(own) if own.name.startswith("python") else shutil.which("python3") or "python3"
    environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    paths = [str(_IMPORT_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment |= {"PYTHONPATH": os.pathsep.join(paths)}
    environment |= {"OPENBLAS_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [python, "-m", _PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment, bufsize=1 << 16
    )
