"""Tells whoever looks after the server since when a step has been at one piece of work.

`serving/heartbeats.py` reads it: a step that is at the same piece for long hangs, however alive it looks.
"""

import mmap
import os
import struct
import time
from pathlib import Path

_SINCE_S = struct.Struct("<d")
"""When the piece of work began, by CLOCK_MONOTONIC; 0: none is being done."""


class Heartbeat:
    """Writes to a file of this process's id, in memory that both sides see: a beat costs a microsecond."""

    def __init__(self, folder: str | None) -> None:
        """
        Args:
            folder: None: nobody looks.
        """
        self._memory: mmap.mmap | bytearray = bytearray(_SINCE_S.size)
        if folder:
            with (Path(folder) / str(os.getpid())).open("w+b") as file:
                file.truncate(_SINCE_S.size)
                self._memory = mmap.mmap(file.fileno(), _SINCE_S.size)

    def beat(self) -> None:
        """A piece of work begins."""
        _SINCE_S.pack_into(self._memory, 0, time.monotonic())

    def rest(self) -> None:
        """There is nothing to do."""
        _SINCE_S.pack_into(self._memory, 0, 0.0)
