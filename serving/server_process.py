"""`python -m serving` in a process of its own, as people start it, and what is seen of it from outside."""

import json
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from serving.errors import ServingError
from serving.ready_file import Addresses, read_ready_file
from serving.triton.processes import steps_of

_STOP_TIMEOUT_S = 60
_LINES_END_S = 5
_HEALTH_TIMEOUT_S = 5
_POLL_S = 0.05


@dataclass
class Served:
    """A server that runs, and has been ready."""

    process: subprocess.Popen[str]
    addresses: Addresses
    lines: list[str] = field(default_factory=list)
    """Lines that it has printed for people; more may come. They are for reports: no program reads them."""

    @property
    def url(self) -> str:
        """The gRPC address, HOST:PORT."""
        return self.addresses.grpc_url

    @property
    def metrics_url(self) -> str:
        """The address of its metrics."""
        assert self.addresses.metrics_url
        return self.addresses.metrics_url

    def health(self) -> dict[str, Any]:
        """Return what its supervisor says of it, also while Triton is down; see `condition.health`."""
        assert self.addresses.health_url
        try:
            with urllib.request.urlopen(self.addresses.health_url, timeout=_HEALTH_TIMEOUT_S) as page:  # noqa: S310  our own server
                content = page.read()
        except urllib.error.HTTPError as error:  # 503 where it is not ready
            content = error.read()
        return dict(json.loads(content))

    def restarts(self) -> int:
        """Return how often it has been restarted and was ready again."""
        return int(self.health()["recoveries"])

    def triton(self) -> psutil.Process | None:
        """Return its Triton; None in the middle of a restart."""
        with suppress(psutil.Error):
            children = psutil.Process(self.process.pid).children()
            return next((child for child in children if "triton" in child.name()), None)
        return None

    def steps(self) -> dict[str, psutil.Process]:
        """Return the processes of its Python steps by instance; none in the middle of a restart."""
        triton = self.triton()
        with suppress(psutil.Error):
            return steps_of(triton) if triton else {}
        return {}

    def tree(self) -> dict[str, psutil.Process]:
        """Return every process: the launcher, Triton, its steps, and what watches over them."""
        launcher, triton, steps = psutil.Process(self.process.pid), self.triton(), self.steps()
        named = {"python -m serving": launcher, **({"tritonserver": triton} if triton else {}), **steps}
        with suppress(psutil.Error):
            if door := next((child for child in launcher.children() if child.name() == "envoy"), None):
                named["envoy"] = door
            others = [child for child in launcher.children(recursive=True) if child not in named.values()]
            named |= {f"other {number}": child for number, child in enumerate(others)}
        return named


@contextmanager
def running_server(
    repository: Path, log_file: Path, *arguments: str, program: Sequence[str] = ("-m", "serving"), niceness: int = 0
) -> Iterator[Served]:
    """Serve a repository inside the `with`, by a process of its own.

    Args:
        arguments: for `python -m serving`; those that come last count.
        program: what Python runs instead, with the same arguments.
        niceness: 0 to 19; the more, the more it leaves the processor to others, as `nice` does.

    Raises:
        ServingError: it does not start.
    """
    with tempfile.TemporaryDirectory(prefix="ready-") as folder:
        ready_file = Path(folder) / "ready.json"
        command = ["nice", "-n", str(niceness), sys.executable, *program, str(repository)]
        command += ["--grpc-port", "0", "--metrics-port", "0"]
        command += ["--log-file", str(log_file), "--ready-file", str(ready_file), *arguments]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
            lines: list[str] = []
            reader = threading.Thread(target=_read, args=(process, lines), daemon=True)
            reader.start()
            try:
                try:
                    addresses = wait_until_ready(process, ready_file)
                except ServingError as error:
                    reader.join(_LINES_END_S)
                    raise ServingError(f"{error}: {' '.join(lines)}") from error
                yield Served(process, addresses, lines)
            finally:
                process.terminate()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(_STOP_TIMEOUT_S)
                process.kill()  # does nothing to one that has ended
                reader.join(_LINES_END_S)


def wait_until_ready(process: subprocess.Popen[str], ready_file: Path) -> Addresses:
    """Wait until a server has written its file.

    Args:
        process: started with `--ready-file`, which it writes as soon as it is ready, or else ends.

    Raises:
        ServingError: it has ended.
    """
    while not ready_file.exists():
        if process.poll() is not None:
            raise ServingError(f"the server did not start, and ended with status {process.returncode}")
        time.sleep(_POLL_S)
    return read_ready_file(ready_file)


def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout
    lines.extend(map(str.rstrip, process.stdout))
