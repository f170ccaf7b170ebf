"""What the Python steps say of their work: see `model_repository/heartbeat.py`, which writes it."""

import struct
import time
from collections.abc import Iterable
from pathlib import Path

_SINCE_S = struct.Struct("<d")


def busy_s_of(folder: Path, pids: Iterable[int]) -> dict[int, float]:
    """For how many seconds each process has been at one piece of work; 0: at none.

    One that has not said anything is left out.
    """
    found = {}
    for pid in pids:
        try:
            (since_s,) = _SINCE_S.unpack((folder / str(pid)).read_bytes())
        except (OSError, struct.error):
            continue
        found[pid] = max(0.0, time.monotonic() - since_s) if since_s else 0.0
    return found
