"""Runs one embedded Triton behind its door: starts it, looks after it, stops it, and leaves nothing behind."""

import time
from contextlib import suppress
from dataclasses import replace
from types import TracebackType

from vitrine_client import TlsFiles

from serving.door.process import Door
from serving.errors import ServingError, UsageError, only_serving_errors
from serving.supervision.condition import Condition, Problem
from serving.supervision.drain import drain, stretches
from serving.supervision.hang import is_hung
from serving.supervision.metrics_door import MetricsDoor
from serving.supervision.probe import Probe
from serving.supervision.readiness import wait_until_door_lets_through, wait_until_triton_answers
from serving.supervision.signals import signals_put_off
from serving.supervision.triton_run import TritonRun
from serving.supervision.work_folder import DRAIN_DIR, remove_left_over
from serving.triton.command import READY_TIMEOUT_S, ServerSettings, admin_key_of, with_ports_and_log
from serving.triton.integrity import read_manifest, remove_python_caches, require_intact
from serving.triton.launch import LaunchFrom, embedded_launch
from serving.triton.log import Log
from serving.triton.models import Configs, public_ensembles, read_configs
from serving.triton.ports import free_port

DRAIN_TIMEOUT_S = 20.0
_SPANS_LEAVE_S = 1.0


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
            client_tls: what our own questions need when the port is encrypted.
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
        self._configs: Configs = {}
        self._door: Door | None = None
        self._run: TritonRun | None = None
        self._probe: Probe | None = None
        self._log = Log()
        self._metrics: MetricsDoor | None = None
        self.condition = Condition()
        """State that the metrics show beside Triton's own."""

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
        """Process id of Envoy."""
        assert self._door
        return self._door.pid

    @property
    def pid(self) -> int:
        """Process id of Triton; its Python steps are its children."""
        assert self._run
        return self._run.pid

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
            self._log.close()
            if self._metrics:
                self._metrics.close()
                self._metrics = None

    def restart(self) -> None:
        """End what is left, and start anew at the same address; where only the door has ended, it alone.

        Raises:
            ServingError: it does not come up.
        """
        with only_serving_errors("the server cannot be started again"):
            if self._door and self._door.problem() and self._problem_behind_the_door() is None:
                self._open_door(self._door)
                self.condition.become("ready")
                return
            self.stop_triton()
            self._start(is_first=False)

    def problem(self) -> Problem | None:
        """Say what is wrong with the processes, at a glance; None: nothing that can be seen from outside."""
        if behind := self._problem_behind_the_door():
            return behind
        ended = self._door.problem() if self._door else None
        return Problem("door_died", ended) if ended else None

    def _problem_behind_the_door(self) -> Problem | None:
        return self._run.problem() if self._run else Problem("start_failed", "it is not running")

    def is_hung(self) -> bool:
        """Return whether nothing is answered any more, though all looks alive and idle. Takes seconds to see."""
        assert self._probe
        assert self._run
        assert self._run.heartbeats
        ensembles, is_at_work = public_ensembles(self._configs), self._run.heartbeats.is_at_work
        return is_hung(self._probe, ensembles, is_at_work, lambda: self.problem() is not None)

    def drain(self, timeout_s: float = DRAIN_TIMEOUT_S) -> bool:
        """Answer what was accepted, and accept nothing more. The server is of no more use then: stop it.

        Returns:
            Whether all was answered in time.
        """
        if not (self._probe and self._run and self._run.heartbeats):  # in the middle of a restart
            return False
        self.condition.become("stopping")
        parts, is_busy = stretches(self._configs), self._run.heartbeats.is_at_work
        try:
            folder = self._run.work.folder(DRAIN_DIR)
            is_drained = drain(self._probe, folder, parts, is_busy, timeout_s=timeout_s)
        except OSError:  # no entry can be closed
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
        if self._probe:
            self._probe.close()
            self._probe = None
        if self._run:
            if self._run.is_started and self.condition.state != "stopping":
                self.condition.become("restarting")
            self._run.stop()
            self._run = None
        with suppress(ServingError, OSError):
            remove_python_caches(self.settings.repository)

    def _start(self, *, is_first: bool) -> None:
        require_intact(self.settings.repository)
        self._configs = read_configs(self.settings.repository)
        metrics_port = None if self.settings.metrics_port is None else free_port()
        run = self._run = TritonRun(metrics_port=metrics_port)
        sockets = self._door.sockets if self._door else None
        inner = replace(self.settings, metrics_port=metrics_port, sockets=sockets)
        launch = self._launch_from(inner, run.work.path, run.work.shm_prefix, self._admin_key)
        log = self._log.open(launch.log_file, is_emptied=is_first)
        if self._door:
            self._door.remove_sockets()
            if not is_first:
                self._door.start(log)
        run.start(launch, log)
        self._probe = self._new_probe(self.url_of_triton if is_first else self.url)
        secret = self._admin_key if any(self._admin_key in word for word in launch.command) else None
        wait_until_triton_answers(run, self._probe, self._door, timeout_s=self._ready_timeout_s, secret=secret)
        if self._door and is_first:
            # Not before: a client of several servers would be told to ask again by one that only starts.
            self._probe.close()
            self._probe = self._new_probe(self.url)
            self._open_door(self._door)
        self.condition.become("ready")

    def _open_door(self, door: Door) -> None:
        assert self._probe
        door.start(self._log.stream)
        wait_until_door_lets_through(self._probe, door, timeout_s=self._ready_timeout_s)

    def _new_probe(self, url: str) -> Probe:
        tls = None if url.startswith("unix:") else self._client_tls
        return Probe(url, tls=tls, admin_key=self._admin_key)

    def _metrics_port_of_triton(self) -> int | None:
        """Return the port of Triton's own metrics, None while it does not run; called from other threads."""
        run = self._run
        return run.metrics_port if run else None
