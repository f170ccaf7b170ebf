"""One embedded Triton: started, asked a question, looked after, stopped, and nothing left behind."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import IO

import psutil
from vitrine_client import TlsFiles

from serving.canary import CHAIN, Canary
from serving.command import ServerSettings, admin_key_of
from serving.drain import drain
from serving.errors import ServingError
from serving.integrity import read_manifest, remove_python_caches, require_intact
from serving.launch import Launch, LaunchFrom, embedded_launch
from serving.ports import resolved_port
from serving.process_list import hide_argument
from serving.processes import is_alive, regions, steps_of
from serving.signals import signals_put_off
from serving.with_parent import WITH_PARENT

_POLL_S = 0.1
_CANARY_TIMEOUT_S = 3.0
_CANARY_RUNS = 10
_STATISTICS_TIMEOUT_S = 5.0
_SPANS_LEAVE_S = 1.0
_STEPS_END_S = 5.0


class EmbeddedServer:
    """A running Triton, as a context manager: ready inside the `with`, gone after it."""

    def __init__(
        self,
        settings: ServerSettings,
        *,
        ready_timeout_s: float = 60.0,
        client_tls: TlsFiles | None = None,
        launch_from: LaunchFrom = embedded_launch,
    ) -> None:
        """
        Args:
            settings: a port of 0 becomes a free one; see `self.settings` inside the `with`.
            client_tls: what our own first question needs when the port is encrypted.
            ready_timeout_s: how long the models may take to load and to answer a first question.
            launch_from: which Triton is started, and how.
        """
        self.settings = settings
        self._launch_from = launch_from
        self._ready_timeout_s = ready_timeout_s
        self._client_tls = client_tls
        self._shm_prefix = f"vitrine-{uuid.uuid4().hex[:12]}-"
        self._admin_key = admin_key_of(settings)
        self._work: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._canary: Canary | None = None
        self._steps: dict[str, psutil.Process] = {}

    @property
    def url(self) -> str:
        """The gRPC address, as programs on this machine reach it."""
        host = "localhost" if self.settings.host == "0.0.0.0" else self.settings.host  # noqa: S104  asked, not bound
        return f"{host}:{self.settings.grpc_port}"

    @property
    def pid(self) -> int:
        """Of the Triton process; its Python steps are its children."""
        assert self._process
        return self._process.pid

    def __enter__(self) -> "EmbeddedServer":
        try:
            read_manifest(self.settings.repository)  # before a log is named after it
            self.settings = _with_ports_and_log(self.settings)
            self._start(log_mode="wb")
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    def restart(self) -> None:
        """End what is left, and start anew at the same address.

        Raises:
            ServingError: it does not come up.
        """
        self.stop()
        self._start(log_mode="ab")

    def problem(self) -> str | None:
        """What is wrong with the processes, at a glance; None: nothing that can be seen from outside."""
        if self._process is None:
            return "it is not running"
        if self._process.poll() is not None:
            return f"Triton ended with status {self._process.returncode}"
        lost = [name for name, step in self._steps.items() if not is_alive(step)]
        return f"the step {lost[0]} has ended or was stopped" if lost else None

    def is_hung(self) -> bool:
        """Whether a question of our own is not answered because a step, or Triton, gets nothing done.

        A server that is merely busy gets something done in every step. Takes seconds to say yes.
        """
        assert self._canary
        if self._canary.is_answered(_CANARY_TIMEOUT_S):
            return False
        before = self._canary.counts(_STATISTICS_TIMEOUT_S)
        if before is None:
            return True
        runs_s = max(before[step].run_s for step in CHAIN)
        end_s = time.monotonic() + max(_CANARY_TIMEOUT_S, _CANARY_RUNS * runs_s)
        while (left_s := end_s - time.monotonic()) > 0:  # a server whose queues are full refuses at once
            if self._canary.is_answered(left_s):
                return False
            time.sleep(_POLL_S)
        after = self._canary.counts(_STATISTICS_TIMEOUT_S)
        return after is None or any(after[step].requests == before[step].requests for step in CHAIN)

    def drain(self, timeout_s: float = 20.0) -> bool:
        """Answer what was accepted, and accept nothing more. The server is of no more use then: stop it.

        Returns:
            Whether all was answered in time.
        """
        if not (self._canary and self._work):  # in the middle of a restart
            return False
        is_drained = drain(self._canary, self._work / "doors", timeout_s=timeout_s)
        if self.settings.trace_url:
            time.sleep(_SPANS_LEAVE_S)
        return is_drained

    def stop(self) -> None:
        """End Triton at once, and clear up. A second call does nothing."""
        with signals_put_off():
            self._stop()

    def _stop(self) -> None:
        if self._canary:
            self._canary.close()
            self._canary = None
        if self._process:
            with suppress(ProcessLookupError):
                # With its Python steps, which outlive it otherwise; they share its session, which is theirs alone.
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            end_s = time.monotonic() + _STEPS_END_S
            while any(map(is_alive, self._steps.values())) and time.monotonic() < end_s:
                time.sleep(0.01)
            self._process = None
        for region in regions(self._shm_prefix):
            region.unlink(missing_ok=True)
        with suppress(ServingError):
            remove_python_caches(self.settings.repository)
        if self._work:
            shutil.rmtree(self._work, ignore_errors=True)

    def _start(self, *, log_mode: str) -> None:
        require_intact(self.settings.repository)
        self._work = Path(tempfile.mkdtemp(prefix="vitrine-"))
        doors = self._work / "doors"
        doors.mkdir()
        launch = self._launch_from(self.settings, self._work, self._shm_prefix, self._admin_key)
        try:
            log = launch.log_file.open(log_mode) if launch.log_file else None
        except OSError as error:
            raise ServingError(
                f"cannot write the log {launch.log_file} ({error.strerror}): choose another with --log-file"
            ) from error
        with log or nullcontext():
            self._process = subprocess.Popen(
                [*WITH_PARENT, *launch.command],
                stdout=log or subprocess.PIPE,
                stderr=log or subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | launch.environment | {"VITRINE_DOORS": str(doors)},
                start_new_session=True,
            )
        logged = threading.Event()
        if self._process.stdout:
            threading.Thread(target=_copy, args=(self._process.stdout, logged), daemon=True).start()
        self._wait_until_it_answers(launch, logged)

    def _wait_until_it_answers(self, launch: Launch, logged: threading.Event) -> None:
        assert self._process
        log_file = launch.log_file
        self._canary = Canary(self.url, tls=self._client_tls, admin_key=self._admin_key)
        log_bytes = _size(log_file)
        deadline_s = time.monotonic() + self._ready_timeout_s
        while time.monotonic() < deadline_s:
            if self._process.poll() is not None:
                raise ServingError(
                    f"Triton ended with status {self._process.returncode} while starting; {_reason(log_file)}"
                )
            if logged.is_set() or _size(log_file) > log_bytes:  # it has read its arguments, which need not be seen then
                hide_argument(self.pid, self._admin_key)
            if self._canary.is_answered(timeout_s=5.0):
                if any(self._admin_key in word for word in launch.command):
                    self._hide_key()
                try:
                    self._steps = steps_of(psutil.Process(self.pid))
                except psutil.Error as error:
                    raise ServingError(f"a step died as soon as it had answered: {error}") from error
                return
            time.sleep(_POLL_S)
        raise ServingError(f"Triton did not answer a question within {self._ready_timeout_s:g} s; {_reason(log_file)}")

    def _hide_key(self) -> None:
        assert self._canary
        if not hide_argument(self.pid, self._admin_key):
            raise ServingError(
                "the key of administration cannot be taken off Triton's command line, where every user of this "
                "machine reads it: this process must be allowed to write its children's memory (ptrace_scope 0 or 1)"
            )
        if self._canary.counts() is None:
            raise ServingError("Triton does not take the key of administration that it was started with")


def _with_ports_and_log(settings: ServerSettings) -> ServerSettings:
    host = settings.host
    grpc_port = resolved_port(host, settings.grpc_port, "--grpc-port")
    http_port, metrics_port = settings.http_port, settings.metrics_port
    return replace(
        settings,
        grpc_port=grpc_port,
        http_port=None if http_port is None else resolved_port(host, http_port, "--http-port"),
        metrics_port=None if metrics_port is None else resolved_port(host, metrics_port, "--metrics-port"),
        log_file=settings.log_file or settings.repository.parent / f"{settings.repository.name}-{grpc_port}.log",
    )


def _copy(log: IO[bytes], logged: threading.Event) -> None:
    """To our own standard output, which is a container's log."""
    for line in log:
        logged.set()
        sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()


def _size(file: Path | None) -> int:
    return file.stat().st_size if file and file.is_file() else 0


def _reason(log_file: Path | None, *, last: int = 8) -> str:
    """The last errors of a log, for people."""
    if log_file is None or not log_file.is_file():
        return "see its log"
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    errors = [line for line in lines if line.startswith("E") or "error:" in line.lower()]
    return f"the reason is in {log_file}:\n" + "\n".join((errors or lines)[-last:])
