"""Reads what the steps say of their work; `vitrine_steps/triton/heartbeat.py` writes it."""

import os
import struct
import time
from collections.abc import Mapping
from pathlib import Path

import psutil

_BEATS = struct.Struct("@q")
_LONGEST_GLANCE_S = 1.0


class Heartbeats:
    """The counters of the steps of one running server: odd while a step works, another number for each piece of it."""

    def __init__(self, folder: Path, steps: Mapping[str, psutil.Process]) -> None:
        """
        Args:
            folder: VITRINE_HEARTBEATS of the steps.
            steps: by instance. One that writes no heartbeat, such as an engine of Triton's own, counts as at rest.
        """
        self._files: dict[str, int] = {}
        for name, step in steps.items():
            file = folder / str(step.pid)
            if file.is_file():  # held open: temporary files may be cleaned away
                self._files[name] = os.open(file, os.O_RDONLY)
        self._last = dict.fromkeys(self._files, 0)
        self._same_s = dict.fromkeys(self._files, 0.0)
        self._glanced_s = time.monotonic()

    def close(self) -> None:
        for file in self._files.values():
            os.close(file)
        self._files = {}

    def is_at_work(self, step: str = "") -> bool:
        """Return whether an instance of the named step is at work; of any step, where none is named."""
        return any(self._beats(name) % 2 for name in self._files if name.startswith(f"{step}_" if step else ""))

    def stuck_step(self, seconds: float) -> str | None:
        """Return the first step that has worked on one item for more than `seconds`, or None.

        Call it once a second at least: a longer gap counts as 1 s, for the whole machine may have stood still.
        """
        now_s = time.monotonic()
        passed_s = min(now_s - self._glanced_s, _LONGEST_GLANCE_S)
        self._glanced_s = now_s
        for name in self._files:
            beats = self._beats(name)
            self._same_s[name] = self._same_s[name] + passed_s if beats == self._last[name] and beats % 2 else 0.0
            self._last[name] = beats
        return next((name for name, same_s in self._same_s.items() if same_s > seconds), None)

    def _beats(self, name: str) -> int:
        return int(_BEATS.unpack(os.pread(self._files[name], _BEATS.size, 0))[0])
