"""`python -m loadtest`: run, knee, gate, compare."""

import argparse
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from loadtest.cli import parser
from loadtest.compare import comparison
from loadtest.embedded import EmbeddedServerError, ServingMissingError, Target, embedded_server, require_serving
from loadtest.knee import knee
from loadtest.photos import PhotoFolderError
from loadtest.report import HTML_FILE, JSON_FILE, read_report, summary
from loadtest.scenario import ScenarioError
from loadtest.schedule import ScheduleError
from loadtest.server_metrics import MetricsError
from loadtest.slo import SloError, read_slo

INTERRUPTED = 130


class UsageError(ValueError):
    """What was asked for cannot be; says what, and what to do."""


class RunFailedError(RuntimeError):
    """A run has failed; says which and why, and the exit status that it ends with."""

    def __init__(self, message: str, exit_status: int) -> None:
        super().__init__(message)
        self.exit_status = exit_status


def main() -> int:
    args = parser().parse_args()
    try:
        return {"run": _run, "knee": _knee, "gate": _gate, "compare": _compare, "worker": _worker}[args.command](args)
    except (UsageError, ServingMissingError, ScenarioError, ScheduleError, SloError, PhotoFolderError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except RunFailedError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(args: argparse.Namespace) -> int:
    from loadtest.command import ServerGoneError, run_and_report, settings_from
    from loadtest.workers import WorkersError

    settings = settings_from(args)
    if args.repository:
        if not (args.repository / "manifest.json").is_file():
            raise UsageError(f"--repository {args.repository} has no manifest.json: build one with python -m builders")
        require_serving()
    _require_new(args.output)
    with ExitStack() as stack:
        target = Target(args.url, args.metrics_url)
        try:
            if args.repository:
                target = stack.enter_context(embedded_server(args.repository, args.output / "triton.log"))
            content, status = run_and_report(args.output, settings, target, slo_ms=args.slo_ms)
        except EmbeddedServerError as error:
            raise RunFailedError(str(error), error.exit_status) from error
        except (ServerGoneError, WorkersError, MetricsError) as error:
            raise RunFailedError(str(error), 1) from error
    print(summary(content))
    print(f"\nreport: {args.output / HTML_FILE}")
    return status


def _knee(args: argparse.Namespace) -> int:
    from loadtest.knee_report import KneeReport

    slo = read_slo(args.slo)
    if not args.start > 0:
        raise UsageError(f"--start is {args.start:g}, but more than 0 is expected")
    _require_new(args.output)
    report = KneeReport(args.output, slo, args.slo.read_text("utf-8"))

    def broken_at(rate: float) -> list[str]:
        folder = args.output / f"rate-{rate:.3f}"
        running = subprocess.Popen(_run_command(args, folder, rate), stdout=subprocess.DEVNULL)
        try:
            status = running.wait()
        except KeyboardInterrupt:  # the run hears of it too, and writes what it has
            running.wait()
            raise
        if status == INTERRUPTED:
            raise KeyboardInterrupt
        if not (folder / JSON_FILE).exists():
            raise RunFailedError(f"the run at {rate:.1f}/s wrote no report; what it said stands above", status)
        return report.add(rate, read_report(folder))

    try:
        knee(args.start, broken_at)
    finally:
        best = report.write()
    return 1 if best is None else 0


def _run_command(args: argparse.Namespace, folder: Path, rate: float) -> list[str]:
    command = [sys.executable, "-m", "loadtest", "run", "--output", str(folder), "--rate", f"{rate:.3f}"]
    for name in (
        "scenario", "duration", "warm_up", "seed", "workers", "timeout", "max_in_flight", "photos", "photo_count",
        "photo_salt", "url", "metrics_url", "repository",
    ):  # fmt: skip
        if (value := getattr(args, name)) is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    return command


def _gate(args: argparse.Namespace) -> int:
    slo, content = read_slo(args.slo), _report(args.report)
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


def _compare(args: argparse.Namespace) -> int:
    try:
        print(comparison(_report(args.before), _report(args.after)))
    except ValueError as error:
        raise UsageError(str(error)) from error
    return 0


def _worker(args: argparse.Namespace) -> int:
    from loadtest.workers import work

    work(args.folder, args.index, args.port)
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


if __name__ == "__main__":
    sys.exit(main())
