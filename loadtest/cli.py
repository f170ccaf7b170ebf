"""Commands of the load test: each does its work, and returns the exit status."""

import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from command_line.errors import INTERRUPTED, UsageError
from loadtest.compare import comparison
from loadtest.embedded import EmbeddedServerError, ServingMissingError, Target, embedded_server, require_serving
from loadtest.knee import knee
from loadtest.options import (
    CompareOptions,
    GateOptions,
    KneeOptions,
    LoadOptions,
    RunOptions,
    SimulateOptions,
    StagesOptions,
    WorkerOptions,
)
from loadtest.photos import PhotoFolderError
from loadtest.report import HTML_FILE, JSON_FILE, read_report, summary
from loadtest.scaling import PLOT_FILE, check_runs, predict_scaling
from loadtest.scenario import ScenarioError, scenario_from
from loadtest.schedule import ScheduleError
from loadtest.server_metrics import MetricsError
from loadtest.slo import SloError, read_slo
from loadtest.stages import FILE as STAGES_FILE
from loadtest.stages import StagesError, measure_stages, read_stages


class RunFailedError(RuntimeError):
    """A run has failed; says which and why, and the exit status that it ends with."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def perform(options: Any) -> int:
    """Do what a command asks for.

    Args:
        options: of one of the classes in loadtest/options.py.

    Returns:
        The program's exit status.
    """
    try:
        match options:
            case RunOptions():
                return _run(options)
            case KneeOptions():
                return _knee(options)
            case StagesOptions():
                return _stages(options)
            case SimulateOptions():
                return _simulate(options)
            case GateOptions():
                return _gate(options)
            case CompareOptions():
                return _compare(options)
            case _:
                return _work(options)
    except (ServingMissingError, ScenarioError, ScheduleError, SloError, StagesError, PhotoFolderError) as error:
        raise UsageError(str(error)) from error
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(options: RunOptions) -> int:
    from loadtest.command import ServerGoneError, run_and_report, settings_from
    from loadtest.workers import WorkersError

    settings = settings_from(options)
    _require_repository(options)
    _require_new(options.output)
    with ExitStack() as stack:
        target = _target(stack, options)
        try:
            content, status = run_and_report(options.output, settings, target, slo_ms=options.slo_ms)
        except (ServerGoneError, WorkersError, MetricsError) as error:
            raise RunFailedError(str(error), 1) from error
    print(summary(content))
    print(f"\nreport: {options.output / HTML_FILE}")
    return status


def _knee(options: KneeOptions) -> int:
    from loadtest.knee_report import KneeReport

    slo = read_slo(options.slo)
    _require_new(options.output)
    report = KneeReport(options.output, slo, options.slo.read_text("utf-8"))

    def broken_at(rate: float) -> list[str]:
        folder = options.output / f"rate-{rate:.3f}"
        _run_apart(options, folder, ["--rate", f"{rate:.3f}"])
        return report.add(rate, read_report(folder))

    try:
        knee(options.start, broken_at)
    finally:
        best = report.write()
    return 1 if best is None else 0


def _require_repository(options: LoadOptions) -> None:
    if options.repository:
        if not (options.repository / "manifest.json").is_file():
            raise UsageError(
                f"--repository {options.repository} has no manifest.json: build one with python -m builders"
            )
        require_serving()


def _target(stack: ExitStack, options: LoadOptions) -> Target:
    """Return the server to load: that of --repository, which is served until `stack` ends, or that of --url."""
    if not options.repository:
        return Target(options.url, options.metrics_url)
    try:
        return stack.enter_context(embedded_server(options.repository, options.output / "triton.log"))
    except EmbeddedServerError as error:
        raise RunFailedError(str(error), error.exit_status) from error


def _run_apart(options: LoadOptions, folder: Path, arguments: list[str]) -> None:
    """Run a load test in a process of its own, with `options` and more arguments, of which the last of a kind counts.

    Raises:
        RunFailedError: it wrote no report.
    """
    command = [sys.executable, "-m", "loadtest", "run", "--output", str(folder)]
    for name in (
        "scenario", "duration", "warm_up", "seed", "workers", "timeout", "max_in_flight", "photos", "photo_count",
        "photo_salt", "url", "metrics_url", "repository",
    ):  # fmt: skip
        if (value := getattr(options, name)) is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    running = subprocess.Popen([*command, *arguments], stdout=subprocess.DEVNULL)
    try:
        status = running.wait()
    except KeyboardInterrupt:  # the run hears of it too, and writes what it has
        running.wait()
        raise
    if status == INTERRUPTED:
        raise KeyboardInterrupt
    if not (folder / JSON_FILE).exists():
        raise RunFailedError(f"the run in {folder.name} wrote no report; what it said stands above", status)


def _stages(options: StagesOptions) -> int:
    def load(folder: Path, arguments: list[str], durations: float) -> None:
        print(folder.name, flush=True)
        _run_apart(replace(served, duration=durations * options.duration), folder, arguments)

    scenario = scenario_from(options.scenario)
    _require_repository(options)
    _require_new(options.output)
    with ExitStack() as stack:
        target = _target(stack, options)
        served = replace(options, url=target.url, metrics_url=target.metrics_url, repository=None)
        measure_stages(options.output, scenario, options.cores, load)
    print(f"times: {options.output / STAGES_FILE}")
    return 0


def _simulate(options: SimulateOptions) -> int:
    scenario, times = read_stages(options.stages)
    slo = read_slo(options.slo)
    _require_new(options.output)
    if options.check:
        check_runs(options, times, slo)
        return 0
    rows = predict_scaling(options, scenario, times, slo)
    print(f"plot: {options.output / PLOT_FILE}")
    return 1 if any(row["highest_rate_per_s"] is None for row in rows) else 0


def _gate(options: GateOptions) -> int:
    slo, content = read_slo(options.slo), _report(options.report)
    broken = slo.broken(content["figures"])
    if not content["is_whole"]:
        broken.append("the run was interrupted")
    if content["loop"] == "closed" and slo.has_latencies:
        broken.append("a closed loop hides slow answers: its latencies keep no objective")
    for note in content["notes"]:
        print(f"! {note}")
    for reason in broken:
        print(f"broken: {reason}")
    if not broken:
        print("all objectives are kept")
    return 1 if broken else 0


def _compare(options: CompareOptions) -> int:
    try:
        print(comparison(_report(options.before), _report(options.after)))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return 0


def _work(options: WorkerOptions) -> int:
    from loadtest.workers import work

    work(options.folder, options.index, options.port)
    return 0


def _report(folder: Path) -> dict[str, Any]:
    try:
        return read_report(folder)
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} holds no report of a run ({error})") from error


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(file.name != "triton.log" for file in folder.iterdir())):
        raise UsageError(f"{folder} is not empty: name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}") from error
