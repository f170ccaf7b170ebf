"""Every file of some folders, asked about once."""

import re
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
from tqdm import tqdm
from vitrine_client import GrpcTransport, VitrineError
from vitrine_client.calls import ask_call

from checks.fuzz.leaks import leak_in
from command_line.errors import UsageError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings

if TYPE_CHECKING:
    from checks.fuzz.corpora import CorporaOptions

_QUESTIONS = ("What is this?", "这是什么？")
_MOST_S = 2.0
_MOST_MIB = 300
_TIMEOUT_S = 30.0
_RESET_PEAK = "5"  # see proc(5), clear_refs


@dataclass(frozen=True)
class Result:
    file: Path
    outcome: str
    """"answered", or the code of the refusal."""
    message: str
    time_s: float
    extra_mib: float
    """Rise of the memory of the steps that decode, in MiB."""

    def problem(self) -> str | None:
        if self.outcome not in ("answered", "INVALID_ARGUMENT"):
            return f"{self.outcome}: {self.message}"
        if leak := leak_in(self.message):
            return f"tells {leak!r}: {self.message}"
        if self.time_s > _MOST_S:
            return f"took {self.time_s:.1f} s"
        return f"took {self.extra_mib:.0f} MiB" if self.extra_mib > _MOST_MIB else None


def ask_about_files(options: "CorporaOptions") -> int:
    """Serve, ask about each file, and say what came of it. Returns the exit status."""
    end_on_signals()
    files = sorted(file for folder in options.folder for file in folder.rglob("*") if file.is_file())
    if not files:
        raise UsageError("there is no file in these folders: name others")
    with tempfile.TemporaryDirectory() as folder:
        settings = ServerSettings(
            options.repository, grpc_port=0, metrics_port=None, cache_mib=16, log_file=Path(folder) / "triton.log"
        )
        with EmbeddedServer(settings) as server, closing(GrpcTransport(server.url)) as transport:
            decoders = [step for step in psutil.Process(server.pid).children() if _decodes(step)]
            results = []
            for number, file in enumerate(tqdm(files, unit=" files", desc="corpora", mininterval=10)):
                results.append(_ask(transport, decoders, file, _QUESTIONS[number % 2]))
                if problem := server.problem():
                    print(f"error: after {file}: {problem}", file=sys.stderr)
                    return 1
    return _say(results)


def _decodes(step: psutil.Process) -> bool:
    return any(word.startswith("image_preprocess_") for word in step.cmdline())


def _ask(transport: GrpcTransport, decoders: list[psutil.Process], file: Path, question: str) -> Result:
    call = ask_call(file.read_bytes(), question, None)
    before = [_memory_mib(step, reset=True) for step in decoders]
    start_s = time.monotonic()
    outcome, message = "answered", ""
    try:
        # Not by a client, which refuses the largest itself.
        transport.infer(call.model, call.inputs, call.outputs, timeout_s=_TIMEOUT_S, request_id=call.request_id)
    except VitrineError as error:
        outcome, message = error.code, error.message
    time_s = time.monotonic() - start_s
    extra = max(_memory_mib(step) - mib for step, mib in zip(decoders, before, strict=True))
    return Result(file, outcome, message, time_s, extra)


def _memory_mib(step: psutil.Process, *, reset: bool = False) -> float:
    """The peak since it was last reset; 0: it has died."""
    folder = Path(f"/proc/{step.pid}")
    with suppress(OSError):
        if reset:
            with suppress(PermissionError):
                (folder / "clear_refs").write_text(_RESET_PEAK)
        if peak := re.search(r"VmHWM:\s*(\d+) kB", (folder / "status").read_text()):
            return int(peak[1]) / 1024
    return 0.0


def _say(results: list[Result]) -> int:
    for outcome, count in Counter(result.outcome for result in results).most_common():
        print(f"{count:7,}  {outcome}")
    slowest = max(results, key=lambda result: result.time_s)
    largest = max(results, key=lambda result: result.extra_mib)
    print(f"slowest: {slowest.time_s:.2f} s, {slowest.file.name}")
    print(f"most memory: {largest.extra_mib:.0f} MiB, {largest.file.name}")
    problems = [(result.file, problem) for result in results if (problem := result.problem())]
    for file, problem in problems:
        print(f"error: {file}: {problem}", file=sys.stderr)
    return 1 if problems else 0
