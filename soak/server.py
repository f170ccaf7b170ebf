"""The server under test: `python -m serving`, as people start it."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from serving.errors import ServingError

_STOP_TIMEOUT_S = 60


@dataclass
class Served:
    process: psutil.Popen
    url: str
    said: list[str] = field(default_factory=list)
    """What it printed, restarts among it."""

    def triton(self) -> psutil.Process | None:
        """None: in the middle of a restart."""
        return next((child for child in self.process.children() if "triton" in child.name()), None)


@contextmanager
def served(repository: Path, folder: Path, *, cache_mib: int) -> Iterator[Served]:
    command = [sys.executable, "-m", "serving", str(repository), "--grpc-port", "0", "--no-metrics"]
    command += ["--cache-mib", str(cache_mib), "--log-file", str(folder / "triton.log")]
    process = psutil.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said: list[str] = []
        for line in process.stdout:
            said.append(line.rstrip())
            if line.startswith("ask: "):
                break
        url = next((line.split()[1] for line in said if "gRPC" in line), None)
        if url is None:
            raise ServingError("the server did not start: " + " ".join(said))
        threading.Thread(target=lambda: said.extend(map(str.rstrip, process.stdout)), daemon=True).start()
        yield Served(process, url, said)
    finally:
        process.terminate()
        process.wait(_STOP_TIMEOUT_S)
