"""Run from the command line's arguments to its report."""

import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
from vitrine_client import InvalidRequestError, VitrineError, VqaClient

from command_line.errors import INTERRUPTED
from loadtest import workers
from loadtest.embedded import Target
from loadtest.options import RunOptions
from loadtest.report import Run, write_run_report
from loadtest.scenario import scenario_from
from loadtest.schedule import ArrivalProfile, ScheduleError
from loadtest.server_metrics import Counters, MetricsError, scrape, stages_between
from loadtest.settings import RunSettings
from measuring.memory import process_tree, usage_of

DEFAULT_RATE = 20.0
_HEALTH_TIMEOUT_S = 3.0


class ServerGoneError(RuntimeError):
    """No server that takes questions, at the start."""


def settings_from(options: RunOptions) -> RunSettings:
    """Make a run's settings from the command line's arguments.

    Raises:
        ScenarioError, ScheduleError: something impossible was asked for.
    """
    rate = DEFAULT_RATE if options.rate is None else options.rate
    return RunSettings(
        url=options.url,
        scenario=scenario_from(options.scenario),
        profile=ArrivalProfile(options.arrivals or "poisson", rate, options.duration, options.peak, options.steps),
        seed=options.seed,
        users=options.closed,
        workers=options.workers,
        warm_up_s=options.warm_up,
        timeout_s=options.timeout,
        max_in_flight=options.max_in_flight,
        photo_count=options.photo_count,
        photo_folder=str(options.photos) if options.photos else None,
        photo_salt=uuid.uuid4().hex[:12] if options.photo_salt is None else options.photo_salt,
        web_port=options.web,
    )


def run_and_report(
    folder: Path, settings: RunSettings, target: Target, *, slo_ms: float | None
) -> tuple[dict[str, Any], int]:
    """Load a server, and write the report.

    Args:
        folder: exists; samples and report are written to it.
        settings: their `url` stands in the report; `target` is what is loaded.
        slo_ms: see `figures_of`.

    Returns:
        The content of `report.json`, and the command's exit status.

    Raises:
        PhotoFolderError: no photos.
        ServerGoneError: the server is not there at the start.
        MetricsError: nor are its metrics, which were named.
        WorkersError: a worker did not come up.
    """
    if settings.photo_folder:
        settings.photos()  # so that a bad folder ends it here; drawing photos takes longer, and may wait
    running = replace(settings, url=target.url)
    _require_server(running)
    notes: list[str] = []
    readings = _Readings(target.metrics_url, notes)
    photos_sha256 = settings.photos().sha256()
    usage = _Usage(target.pid)
    ran = workers.generate(running, folder, on_start=lambda at: readings.begin(at - time.time() + settings.warm_up_s))
    notes += ran.faults
    server = readings.end() | usage.over(ran.seconds)
    if has_died := not _is_ready(running):
        server["died"] = True
        notes.append("the server no longer answered at the end of the run")
    notes += _interruption_notes(settings, ran.seconds)
    is_whole = ran.seconds >= settings.profile.duration_s
    run = Run(settings, ran.seconds, slo_ms, photos_sha256, server, tuple(notes), is_whole)
    content = write_run_report(folder, run)
    if not is_whole:
        return content, INTERRUPTED
    return content, 1 if ran.faults or has_died else 0


def _interruption_notes(settings: RunSettings, ran_s: float) -> list[str]:
    notes = []
    if ran_s < settings.warm_up_s:
        notes.append("interrupted during the warm-up, so that is what the figures are of")
    if ran_s < settings.profile.duration_s:
        notes.append(f"interrupted after {ran_s:.0f} of {settings.profile.duration_s:g} s")
    return notes


class _Usage:
    """Memory and CPU of a server that runs here, between the making of this object and a call of `over`."""

    def __init__(self, pid: int | None) -> None:
        """Read what the server, process `pid`, holds now. None: it runs elsewhere, and nothing is known."""
        self._processes = process_tree(pid) if pid else []
        self._before = usage_of(self._processes)

    def over(self, seconds: float) -> dict[str, float]:
        """Read it again, `seconds` later; {} where nothing is known."""
        after = usage_of(self._processes)
        if not self._before or not after:
            return {}
        return {
            "memory_mib": after.memory_mib,
            "memory_grown_mib": after.memory_mib - self._before.memory_mib,
            "cpu_cores": (after.cpu_s - self._before.cpu_s) / max(seconds, 1e-9),
        }


class _Readings:
    """The server's counters when the warm-up ends, and at the end."""

    def __init__(self, url: str | None, notes: list[str]) -> None:
        self._url = url
        self._notes = notes
        self._before: Counters | None = None
        if url is None:
            notes.append("nothing is known of the server's steps: name its metrics with --metrics-url")
        else:
            scrape(url)

    def begin(self, in_s: float) -> None:
        gevent.spawn_later(in_s, self._begin)

    def end(self) -> dict[str, Any]:
        after = self._read()
        # Without the first reading the counters would be those since the server's start.
        return {"stages": stages_between(self._before, after)} if after and self._before is not None else {}

    def _begin(self) -> None:
        self._before = self._read()

    def _read(self) -> Counters | None:
        if self._url is None:
            return None
        try:
            return scrape(self._url)
        except MetricsError as error:
            if str(error) not in self._notes:
                self._notes.append(str(error))
            return None


def _is_ready(settings: RunSettings) -> bool:
    try:
        _require_server(settings)
    except ServerGoneError:
        return False
    return True


def _require_server(settings: RunSettings) -> None:
    deadline = time.monotonic() + _HEALTH_TIMEOUT_S
    try:
        with VqaClient(settings.url) as client:
            if client.health(timeout_s=max(0.1, deadline - time.monotonic())).model_ready:
                return
    except InvalidRequestError as error:
        raise ScheduleError(f"--url: {error}") from error
    except VitrineError as error:
        raise ServerGoneError(str(error)) from error
    raise ServerGoneError(f"the server at {settings.url} has no model vqa that is ready")
