"""One embedded Triton: started, asked a question, looked after, stopped, and nothing left behind."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType
from typing import IO

import psutil
from vitrine_client import TlsFiles

from serving.door.process import Door
from serving.errors import ServingError, UsageError, only_serving_errors
from serving.supervision.condition import Condition, Problem
from serving.supervision.drain import drain
from serving.supervision.hang import is_hung
from serving.supervision.heartbeats import Heartbeats
from serving.supervision.hide_argument import hide_argument
from serving.supervision.metrics_door import MetricsDoor
from serving.supervision.probe import Canary
from serving.supervision.signals import signals_put_off
from serving.supervision.with_parent import with_parent
from serving.supervision.work_folder import DOORS, HEARTBEATS, WorkFolder, remove_left_over
from serving.triton.command import ServerSettings, admin_key_of, with_ports_and_log
from serving.triton.integrity import read_manifest, remove_python_caches, require_intact
from serving.triton.launch import MALLOC, Launch, LaunchFrom, embedded_launch
from serving.triton.log import copy_to_output, is_same_file, opened_log, reason_in, size_of
from serving.triton.ports import free_port
from serving.triton.processes import end_of, is_alive, runs, steps_of

DRAIN_TIMEOUT_S = 20.0
READY_TIMEOUT_S = 60.0
_POLL_S = 0.1
_SPANS_LEAVE_S = 1.0
_STEPS_END_S = 5.0
_MOST_AT_ONE_PIECE_S = 20.0
"""A photo may take 1.5 s of a processor that other programs want too; of the engines, a batch is one piece."""


class EmbeddedServer:
    """A running Triton behind its door, as a context manager: ready inside the `with`, gone after it.

    Both end with the thread that entered it, so that must not end earlier than the server.
    """

    def __init__(
        self,
        settings: ServerSettings,
        *,
        ready_timeout_s: float = READY_TIMEOUT_S,
        client_tls: TlsFiles | None = None,
        launch_from: LaunchFrom = embedded_launch,
    ) -> None:
        """
        Args:
            settings: a port of 0 becomes a free one; see `self.settings` inside the `with`.
            client_tls: what our own first question needs when the port is encrypted.
            ready_timeout_s: how long the models may take to load and to answer a first question.
            launch_from: which Triton is started, and how.

        Raises:
            UsageError: a key of administration or a timeout that cannot be.
        """
        if not ready_timeout_s > 0:  # also where it is not a number
            raise UsageError(f"--ready-timeout is {ready_timeout_s:g}, but seconds, more than 0, are expected")
        self.settings = settings
        self._launch_from = launch_from
        self._ready_timeout_s = ready_timeout_s
        self._client_tls = client_tls
        self._admin_key = admin_key_of(settings)
        self._door: Door | None = None
        self._work: WorkFolder | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._canary: Canary | None = None
        self._steps: dict[str, psutil.Process] = {}
        self._heartbeats: Heartbeats | None = None
        self._triton_metrics_port: int | None = None
        self._log: IO[bytes] | None = None
        self._metrics: MetricsDoor | None = None
        self.condition = Condition()
        """What the metrics say of it, beside Triton's own."""

    @property
    def url(self) -> str:
        """The gRPC address, as programs on this machine reach it."""
        host = "localhost" if self.settings.host == "0.0.0.0" else self.settings.host  # noqa: S104  asked, not bound
        return f"{host}:{self.settings.grpc_port}"

    @property
    def url_of_triton(self) -> str:
        """The gRPC address behind the door, for measurements and tests of Triton itself."""
        return f"unix:{self._door.grpc_socket}" if self._door else self.url

    @property
    def door_pid(self) -> int:
        assert self._door
        return self._door.pid

    @property
    def pid(self) -> int:
        """Of the Triton process; its Python steps are its children."""
        assert self._process
        return self._process.pid

    def __enter__(self) -> "EmbeddedServer":
        with only_serving_errors("the server cannot be started"):
            # Before a log is named after this folder, and before anything is cleared up in it.
            read_manifest(self.settings.repository)
            self.settings = with_ports_and_log(self.settings)
            remove_left_over()
            try:
                if self.settings.metrics_port is not None:
                    self._metrics = MetricsDoor(
                        self.settings.host, self.settings.metrics_port, self.condition, self._metrics_port_of_triton
                    )
                self._door = Door(self.settings) if self.settings.door else None
                self._start(is_first=True)
            except BaseException:
                self._end()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        try:
            self.stop()
        finally:
            self._close_log()
            if self._metrics:
                self._metrics.close()
                self._metrics = None

    def _close_log(self) -> None:
        if self._log:
            self._log.close()
            self._log = None

    def restart(self) -> None:
        """End what is left, and start anew at the same address; where only the door has ended, it alone.

        Raises:
            ServingError: it does not come up.
        """
        with only_serving_errors("the server cannot be started again"):
            if self._door and self._door.problem() and self._problem_behind_the_door() is None:
                self._door.start(self._log)
                self._wait_for_the_door()
                self.condition.become("ready")
                return
            self.stop_triton()
            self._start(is_first=False)

    def problem(self) -> Problem | None:
        """What is wrong with the processes, at a glance; None: nothing that can be seen from outside."""
        if behind := self._problem_behind_the_door():
            return behind
        ended = self._door.problem() if self._door else None
        return Problem("door_died", ended) if ended else None

    def _problem_behind_the_door(self) -> Problem | None:
        if self._process is None:
            return Problem("start_failed", "it is not running")
        lost = [name for name, step in self._steps.items() if not is_alive(step)]
        if ended := end_of(self._process):  # after a look at the steps, which end with it
            return Problem("triton_crash", ended)
        if lost:
            return Problem("step_died", f"the step {lost[0]} has ended or was stopped")
        hanging = self._heartbeats and self._heartbeats.at_one_piece_for(_MOST_AT_ONE_PIECE_S)
        return Problem("step_hung", f"the step {hanging} does not come to an end of its work") if hanging else None

    def is_hung(self) -> bool:
        """Whether nothing is answered any more, though all looks alive and nothing is at work. Takes seconds to see."""
        assert self._canary
        assert self._heartbeats
        return is_hung(self._canary, self._heartbeats.is_at_work, lambda: self.problem() is not None)

    def drain(self, timeout_s: float = DRAIN_TIMEOUT_S) -> bool:
        """Answer what was accepted, and accept nothing more. The server is of no more use then: stop it.

        Returns:
            Whether all was answered in time.
        """
        if not (self._canary and self._heartbeats and self._work):  # in the middle of a restart
            return False
        self.condition.become("stopping")
        try:
            is_drained = drain(self._canary, self._work.folder(DOORS), self._heartbeats.is_at_work, timeout_s=timeout_s)
        except OSError:  # no door can be closed
            return False
        if self.settings.trace_url:
            time.sleep(_SPANS_LEAVE_S)
        return is_drained

    def stop(self) -> None:
        """End all at once, and clear up. A second call does nothing."""
        with signals_put_off():
            self._stop_triton()
            if self._door:
                self._door.stop()
                self._door = None

    def stop_triton(self) -> None:
        """End Triton at once. The door stays, and tells callers to ask again."""
        with signals_put_off():
            self._stop_triton()

    def _stop_triton(self) -> None:
        if self._canary:
            self._canary.close()
            self._canary = None
        if self._heartbeats:
            self._heartbeats.close()
            self._heartbeats = None
        if self._process:
            if self.condition.state != "stopping":
                self.condition.become("restarting")
            with suppress(ProcessLookupError):
                # With its Python steps, which outlive it otherwise; they share its session, which is theirs alone.
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            end_s = time.monotonic() + _STEPS_END_S
            while any(map(is_alive, self._steps.values())) and time.monotonic() < end_s:
                time.sleep(0.01)
            self._process = None
        with suppress(ServingError, OSError):
            remove_python_caches(self.settings.repository)
        if self._work:
            self._work.remove()
            self._work = None

    def _start(self, *, is_first: bool) -> None:
        require_intact(self.settings.repository)
        self._work = WorkFolder()
        if self.settings.metrics_port is not None:
            self._triton_metrics_port = free_port()
        sockets = self._door.sockets if self._door else None
        inner = replace(self.settings, metrics_port=self._triton_metrics_port, sockets=sockets)
        launch = self._launch_from(inner, self._work.path, self._work.shm_prefix, self._admin_key)
        if launch.log_file and not (self._log and is_same_file(self._log, launch.log_file)):
            self._close_log()
            self._log = opened_log(launch.log_file, is_emptied=is_first)
        log = self._log
        if self._door:
            self._door.remove_sockets()
            if not is_first:
                self._door.start(log)
        log_start = size_of(launch.log_file)
        folders = {f"VITRINE_{name.upper()}": str(self._work.folder(name)) for name in (DOORS, HEARTBEATS)}
        with signals_put_off():  # a process that nobody knows of would be left
            self._process = subprocess.Popen(
                with_parent(launch.command),
                stdout=log or subprocess.PIPE,
                stderr=log or subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=MALLOC | os.environ | launch.environment | folders,
                start_new_session=True,
            )
        logged = threading.Event()
        if self._process.stdout:
            threading.Thread(target=copy_to_output, args=(self._process.stdout, logged), daemon=True).start()
        self._canary = self._new_canary(self.url_of_triton if is_first else self.url)
        self._wait_until_it_answers(launch, logged, log_start)
        if self._door and is_first:
            # Not before: a client of several servers would be told to ask again by one that only starts.
            self._canary.close()
            self._canary = self._new_canary(self.url)
            self._door.start(log)
            self._wait_for_the_door()
        self.condition.become("ready")

    def _new_canary(self, url: str) -> Canary:
        tls = None if url.startswith("unix:") else self._client_tls
        return Canary(url, tls=tls, admin_key=self._admin_key)

    def _wait_until_it_answers(self, launch: Launch, logged: threading.Event, log_start: int) -> None:
        assert self._process
        assert self._work
        assert self._canary
        deadline_s = time.monotonic() + self._ready_timeout_s
        while time.monotonic() < deadline_s:
            if self._door and (problem := self._door.problem()):
                raise ServingError(f"{problem} while starting; {self._door.reason()}")
            if ended := end_of(self._process):
                raise ServingError(f"{ended} while starting; {reason_in(launch.log_file, log_start)}")
            if logged.is_set() or size_of(launch.log_file) > log_start:
                # It has read its arguments, which need not be seen any more.
                hide_argument(self.pid, self._admin_key)
            if self._canary.code_of_answer(timeout_s=5.0) == "OK":
                if any(self._admin_key in word for word in launch.command):
                    self._hide_key(deadline_s)
                try:
                    self._steps = steps_of(psutil.Process(self.pid))
                except psutil.Error as error:
                    ended = end_of(self._process) or "a step ended"
                    raise ServingError(f"{ended} as soon as it had answered") from error
                self._heartbeats = Heartbeats(self._work.folder(HEARTBEATS), self._steps)
                return
            time.sleep(_POLL_S)
        if self._door:
            self._door.end()  # it may be the one that hangs: the next start begins with a new one
        raise ServingError(
            f"Triton did not answer a question within {self._ready_timeout_s:g} s ({self._canary.said}): let it take "
            f"longer by --ready-timeout, where it is only slow; {reason_in(launch.log_file, log_start)}"
        )

    def _metrics_port_of_triton(self) -> int | None:
        """Asked from other threads; None while it does not run."""
        process = self._process
        return self._triton_metrics_port if process and runs(process) else None

    def _wait_for_the_door(self) -> None:
        assert self._canary
        assert self._door
        deadline_s = time.monotonic() + self._ready_timeout_s
        while self._canary.code_of_answer(timeout_s=5.0) == "UNAVAILABLE":
            if problem := self._door.problem():
                raise ServingError(f"{problem} while starting; {self._door.reason()}")
            if time.monotonic() > deadline_s:
                raise ServingError(f"the door does not let questions through ({self._canary.said})")
            time.sleep(_POLL_S)

    def _hide_key(self, deadline_s: float) -> None:
        assert self._canary
        if not hide_argument(self.pid, self._admin_key):
            raise ServingError(
                "the key of administration cannot be taken off Triton's command line, where every user of this "
                "machine reads it: this process must be allowed to write its children's memory (ptrace_scope 0 or 1)"
            )
        while self._canary.counts(timeout_s=5.0) is None:  # also where callers keep it busy
            if time.monotonic() < deadline_s:
                time.sleep(_POLL_S)
                continue
            raise ServingError("Triton does not take the key of administration that it was started with")
