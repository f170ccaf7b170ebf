"""One run from the command line's arguments to its report."""

import argparse
import os
import time
import uuid
from dataclasses import replace
from pathlib import Path
from typing import Any

import gevent
from vitrine_client import InvalidRequestError, VitrineError, VqaClient

from loadtest import workers
from loadtest.report import write_run_report
from loadtest.scenario import scenario_from
from loadtest.schedule import ArrivalProfile, ScheduleError
from loadtest.server_metrics import Counters, MetricsError, memory_of, scrape, stages_between
from loadtest.settings import RunSettings

INTERRUPTED = 130
DEFAULT_RATE = 20.0
_HEALTH_TIMEOUT_S = 3.0


class ServerGoneError(RuntimeError):
    """No server that takes questions, at the start."""


def settings_from(args: argparse.Namespace) -> RunSettings:
    """
    Raises:
        ScenarioError, ScheduleError: something impossible was asked for.
    """
    for name in ("workers", "max_in_flight", "photo_count", "timeout", "slo_ms"):
        if getattr(args, name) is not None and not getattr(args, name) > 0:
            raise ScheduleError(f"--{name.replace('_', '-')} is {getattr(args, name)}, but more than 0 is expected")
    if args.web is not None and not 0 < args.web < 2**16:
        raise ScheduleError(f"--web is {args.web}, but a port of 1 to 65535 is expected")
    if args.seed < 0:
        raise ScheduleError(f"--seed is {args.seed}, but a number of 0 or more is expected")
    if args.closed is not None and args.closed < args.workers:
        raise ScheduleError(f"--closed {args.closed} is less than --workers {args.workers}: each worker needs a user")
    if not 0 <= args.warm_up < args.duration:
        raise ScheduleError(
            f"the warm-up of {args.warm_up:g} s must be shorter than the {args.duration:g} s of the run"
        )
    if args.closed is not None and (args.rate, args.arrivals, args.peak) != (None, None, None):
        raise ScheduleError("--closed has no schedule: leave --rate, --arrivals and --peak out")
    if args.repository and args.metrics_url not in (None, os.environ.get("VITRINE_METRICS_URL")):
        raise ScheduleError("--repository serves here: leave --metrics-url out")
    return RunSettings(
        url=args.url,
        scenario=scenario_from(args.scenario),
        profile=ArrivalProfile(
            args.arrivals or "poisson",
            DEFAULT_RATE if args.rate is None else args.rate,
            args.duration,
            args.peak,
            args.steps,
        ),
        seed=args.seed,
        users=args.closed,
        workers=args.workers,
        warm_up_s=args.warm_up,
        timeout_s=args.timeout,
        max_in_flight=args.max_in_flight,
        photo_count=args.photo_count,
        photo_folder=str(args.photos) if args.photos else None,
        photo_salt=uuid.uuid4().hex[:12] if args.photo_salt is None else args.photo_salt,
        web_port=args.web,
    )


def run_and_report(
    folder: Path, settings: RunSettings, args: argparse.Namespace, *, pid: int | None, metrics_url: str | None
) -> tuple[dict[str, Any], int]:
    """
    Args:
        pid: of the server, where it runs here.

    Returns:
        The content of `report.json`, and the command's exit status.

    Raises:
        PhotoFolderError: no photos.
        ServerGoneError: the server is not there at the start.
        MetricsError: nor are its metrics, which were named.
    """
    if settings.photo_folder:
        settings.photos()  # so that a bad folder ends it here; drawing photos takes longer, and may wait
    _require_server(settings)
    notes: list[str] = []
    readings = _Readings(metrics_url, notes)
    photos_sha256 = settings.photos().sha256()
    processes = workers.server_processes(pid)
    memory = [memory_of(processes)]
    ran = workers.generate(settings, folder, on_start=lambda at: readings.begin(at - time.time() + settings.warm_up_s))
    ran_s = ran.seconds
    notes += ran.faults
    memory.append(memory_of(processes))
    server: dict[str, Any] = readings.end()
    if memory[0] and memory[1]:
        server |= {
            "memory_mib": memory[1].mib,
            "memory_grown_mib": memory[1].mib - memory[0].mib,
            "cpu_cores": (memory[1].cpu_s - memory[0].cpu_s) / max(ran_s, 1e-9),
        }
    try:
        _require_server(settings)
    except ServerGoneError:
        server["died"] = True
        notes.append("the server no longer answered at the end of the run")
    is_whole = ran_s >= settings.profile.duration_s
    if ran_s < settings.warm_up_s:
        notes.append("interrupted during the warm-up, so that is what the figures are of")
    if not is_whole:
        notes.append(f"interrupted after {ran_s:.0f} of {settings.profile.duration_s:g} s")
    settings = replace(settings, url=args.url)
    content = write_run_report(
        folder,
        settings,
        ran_s=ran_s,
        slo_ms=args.slo_ms,
        data_sha256=photos_sha256,
        server=server,
        notes=notes,
        is_whole=is_whole,
    )
    if not is_whole:
        return content, INTERRUPTED
    return content, 1 if ran.faults or server.get("died") else 0


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
