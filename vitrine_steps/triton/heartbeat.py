"""Tells whoever looks after the server whether a step is at work, and whether still at the same piece of it.

`serving/supervision/heartbeats.py` reads it: a step that is at the same piece for long hangs, however alive it looks.
"""

import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_BEATS = struct.Struct("@q")
"""Native, so that it is written in one go."""


class Heartbeat:
    """A counter in memory that both sides see: odd while there is work, another number for each piece of it."""

    def __init__(self, folder: str | None) -> None:
        """
        Args:
            folder: the counter is in a file there, which this process's id names. None: nobody looks.
        """
        self._beats = 0
        self._memory: mmap.mmap | bytearray = bytearray(_BEATS.size)
        if folder:
            with (Path(folder) / str(os.getpid())).open("w+b") as file:
                file.write(bytes(_BEATS.size))  # on the disk: writing into a hole of a full one would end us
                file.flush()
                self._memory = mmap.mmap(file.fileno(), _BEATS.size)

    def beat(self) -> None:
        """Begin a piece of work."""
        self._set(self._beats + 1 + self._beats % 2)

    @contextmanager
    def working(self) -> Iterator[None]:
        """Let all pieces of work that begin in the block end with it."""
        try:
            yield
        finally:
            self._set(self._beats + self._beats % 2)

    def _set(self, beats: int) -> None:
        self._beats = beats
        _BEATS.pack_into(self._memory, 0, beats)
