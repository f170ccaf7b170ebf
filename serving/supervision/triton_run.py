"""One run of Triton: its process, its folder of temporary files, its Python steps and their heartbeats."""

import os
import signal
import subprocess
import threading
import time
from contextlib import suppress
from typing import IO

import psutil

from serving.errors import ServingError
from serving.supervision.condition import Problem
from serving.supervision.heartbeats import Heartbeats
from serving.supervision.signals import signals_put_off
from serving.supervision.with_parent import with_parent
from serving.supervision.work_folder import DRAIN_DIR, HEARTBEATS, WorkFolder
from serving.triton.launch import MALLOC, Launch
from serving.triton.log import copy_to_output, reason_in, size_of
from serving.triton.processes import end_of, is_alive, runs, steps_of

_STEPS_END_S = 5.0
_LONGEST_ITEM_S = 20.0
"""Seconds at one item. A photo may take 1.5 s of a processor that others want too; an engine's item is a batch."""


class TritonRun:
    """A Triton from its start to its end; a restart makes another one.

    It ends with the thread that started it, so that must not end earlier.
    """

    def __init__(self, *, metrics_port: int | None) -> None:
        """
        Args:
            metrics_port: of Triton's own metrics on this machine; None: it has none.
        """
        self.work = WorkFolder()
        self._metrics_port = metrics_port
        self._process: subprocess.Popen[bytes] | None = None
        self._steps: dict[str, psutil.Process] = {}
        self.heartbeats: Heartbeats | None = None
        """Heartbeats of its steps; None before they are known."""
        self._launch: Launch | None = None
        self._log_start_bytes = 0
        self._has_logged = threading.Event()

    @property
    def pid(self) -> int:
        """Process id of Triton; its Python steps are its children."""
        assert self._process
        return self._process.pid

    @property
    def is_started(self) -> bool:
        """True from the start of a process until it is stopped, even where it has ended by itself."""
        return self._process is not None

    @property
    def metrics_port(self) -> int | None:
        """Port of its metrics while it runs; may be read from other threads."""
        process = self._process
        return self._metrics_port if process and runs(process) else None

    def start(self, launch: Launch, log: IO[bytes] | None) -> None:
        """Start the process; it answers seconds later.

        Args:
            log: where it writes; None: to our own standard output.
        """
        self._launch = launch
        self._log_start_bytes = size_of(launch.log_file)
        folders = {f"VITRINE_{name.upper()}": str(self.work.folder(name)) for name in (DRAIN_DIR, HEARTBEATS)}
        with signals_put_off():  # a process that nobody knows of would be left
            self._process = subprocess.Popen(
                with_parent(launch.command),
                stdout=log or subprocess.PIPE,
                stderr=log or subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.work.path,  # steps import from here first: from a checkout, that would be its code, not theirs
                env=MALLOC | os.environ | launch.environment | folders,
                start_new_session=True,
            )
        if self._process.stdout:
            threading.Thread(target=copy_to_output, args=(self._process.stdout, self._has_logged), daemon=True).start()

    def has_logged(self) -> bool:
        """Return whether it has written anything, and so has read its arguments."""
        assert self._launch
        return self._has_logged.is_set() or size_of(self._launch.log_file) > self._log_start_bytes

    def end(self) -> str | None:
        """Say how the process ended, for people; None while it runs."""
        assert self._process
        return end_of(self._process)

    def log_reason(self) -> str:
        """Say what its log names as the reason why it does not start, for people."""
        assert self._launch
        return reason_in(self._launch.log_file, self._log_start_bytes)

    def find_steps(self) -> None:
        """Look up the processes of its Python steps, once all of them have been loaded.

        Raises:
            ServingError: it, or one of them, has just ended.
        """
        try:
            self._steps = steps_of(psutil.Process(self.pid))
        except psutil.Error as error:
            raise ServingError(f"{self.end() or 'a step ended'} as soon as it had answered") from error
        self.heartbeats = Heartbeats(self.work.folder(HEARTBEATS), self._steps)

    def problem(self) -> Problem | None:
        """Say what is wrong with the processes, at a glance; None: nothing that can be seen from outside."""
        if self._process is None:
            return Problem("start_failed", "it is not running")
        lost = [name for name, step in self._steps.items() if not is_alive(step)]
        if ended := end_of(self._process):  # after a look at the steps, which end with it
            return Problem("triton_crash", ended)
        if lost:
            return Problem("step_died", f"the step {lost[0]} has ended or was stopped")
        stuck = self.heartbeats and self.heartbeats.stuck_step(_LONGEST_ITEM_S)
        return Problem("step_hung", f"the step {stuck} does not come to an end of its work") if stuck else None

    def stop(self) -> None:
        """End all at once, and remove the folder of temporary files and the shared memory named after it."""
        if self.heartbeats:
            self.heartbeats.close()
            self.heartbeats = None
        if self._process:
            with suppress(ProcessLookupError):
                # With its Python steps, which outlive it otherwise; they share its session, which is theirs alone.
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            end_s = time.monotonic() + _STEPS_END_S
            while any(map(is_alive, self._steps.values())) and time.monotonic() < end_s:
                time.sleep(0.01)
            self._process = None
        self.work.remove()
