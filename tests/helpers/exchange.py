"""Two servers that are exchanged for another release, one after the other, while they are asked."""

import signal
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.helpers.fault_server import serving
from tests.helpers.load import Outcome, load


def exchanged(old: Path, new: Path, folder: Path) -> tuple[Any, list[Outcome], float]:
    """Exchange both, the port of each kept.

    Returns:
        The calls; what came of those until servers end; and the time from which on the new release alone may answer.
    """
    logs = [("--log-file", str(folder / f"{number}.log")) for number in range(4)]
    with (
        serving(old, folder, *logs[0]) as one,
        serving(old, folder, *logs[1]) as two,
        load(f"ipv4:{one.url},{two.url}", rate=50, callers=16, timeout_s=10) as calls,
        ExitStack() as renewed,
    ):
        calls.wait_for_answers(100)
        for server, log in ((one, logs[2]), (two, logs[3])):
            server.process.send_signal(signal.SIGTERM)
            assert server.process.wait(30) == 0
            renewed.enter_context(serving(new, folder, "--grpc-port", server.url.partition(":")[2], *log))
            calls.wait_for_answers(100)
        last_s = time.monotonic()
        calls.wait_for_answers(50)
        return calls, list(calls.outcomes), last_s
