"""The server under test: `python -m serving`, as people start it, and what it says."""

import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from serving.errors import ServingError
from serving.triton.processes import steps_of

_STOP_TIMEOUT_S = 60
_LINES_END_S = 5


@dataclass
class Served:
    process: subprocess.Popen[str]
    url: str
    said: list[str]
    """Line by line, restarts among it; more may come."""

    @property
    def metrics_url(self) -> str:
        return next(line.split()[1] for line in self.said if line.startswith("  metrics "))

    def restarts(self) -> int:
        return sum(line.startswith("whole again") for line in self.said)

    def triton(self) -> psutil.Process | None:
        """None: in the middle of a restart."""
        with suppress(psutil.Error):
            children = psutil.Process(self.process.pid).children()
            return next((child for child in children if "triton" in child.name()), None)
        return None

    def steps(self) -> dict[str, psutil.Process]:
        """By instance; empty in the middle of a restart."""
        triton = self.triton()
        with suppress(psutil.Error):
            return steps_of(triton) if triton else {}
        return {}

    def tree(self) -> dict[str, psutil.Process]:
        """Every process: the launcher, Triton, its steps, and what watches over them."""
        launcher, triton, steps = psutil.Process(self.process.pid), self.triton(), self.steps()
        named = {"python -m serving": launcher, **({"tritonserver": triton} if triton else {}), **steps}
        with suppress(psutil.Error):
            if door := next((child for child in launcher.children() if child.name() == "envoy"), None):
                named["envoy"] = door
            others = [child for child in launcher.children(recursive=True) if child not in named.values()]
            named |= {f"other {number}": child for number, child in enumerate(others)}
        return named


@contextmanager
def served(
    repository: Path, log_file: Path, *arguments: str, program: Sequence[str] = ("-m", "serving")
) -> Iterator[Served]:
    """
    Args:
        arguments: for `python -m serving`; those that come last count.
        program: what Python runs instead, with the same arguments.

    Raises:
        ServingError: it does not start.
    """
    command = [sys.executable, *program, str(repository), "--grpc-port", "0", "--metrics-port", "0"]
    command += ["--log-file", str(log_file), *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        said: list[str] = []
        reader = threading.Thread(target=_read, args=(process, said), daemon=True)
        try:
            assert process.stdout
            for line in process.stdout:
                said.append(line.rstrip())
                if line.startswith("ask: "):
                    break
            url = next((line.split()[1] for line in said if "gRPC" in line), None)
            if url is None:
                raise ServingError("the server did not start: " + " ".join(said))
            reader.start()
            yield Served(process, url, said)
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_STOP_TIMEOUT_S)
            process.kill()  # does nothing to one that has ended
            if reader.ident is not None:
                reader.join(_LINES_END_S)


def _read(process: subprocess.Popen[str], said: list[str]) -> None:
    assert process.stdout
    said.extend(map(str.rstrip, process.stdout))
