"""`python -m loadtest`: run, knee, gate, compare."""

import argparse
import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadtest.cli import parser
from loadtest.compare import comparison
from loadtest.knee import highest_kept, knee
from loadtest.photos import PhotoFolderError
from loadtest.report import HTML_FILE, JSON_FILE, read_report, summary, write_page
from loadtest.scenario import ScenarioError
from loadtest.schedule import ScheduleError
from loadtest.slo import SloError, read_slo

INTERRUPTED = 130


class UsageError(ValueError):
    """What was asked for cannot be; says what, and what to do."""


def main() -> int:
    args = parser().parse_args()
    try:
        return {"run": _run, "knee": _knee, "gate": _gate, "compare": _compare, "worker": _worker}[args.command](args)
    except (UsageError, ScenarioError, ScheduleError, SloError, PhotoFolderError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return INTERRUPTED


def _run(args: argparse.Namespace) -> int:
    from loadtest.one_run import ServerGoneError, run_and_report, settings_from

    settings = settings_from(args)
    _require_new(args.output)
    with ExitStack() as stack:
        pid, url, metrics_url = None, args.url, args.metrics_url
        if args.repository:
            from serving.command import ServerSettings
            from serving.errors import ServingError
            from serving.server import EmbeddedServer

            server_settings = ServerSettings(
                args.repository, grpc_port=0, http_port=None, metrics_port=0, log_file=args.output / "triton.log"
            )
            try:
                server = stack.enter_context(EmbeddedServer(server_settings))
            except ServingError as error:
                raise UsageError(str(error)) from error
            pid, url = server.pid, server.url
            metrics_url = f"http://{server.settings.host}:{server.settings.metrics_port}/metrics"
        try:
            content, is_whole = run_and_report(
                args.output, replace(settings, url=url), args, pid=pid, metrics_url=metrics_url
            )
        except ServerGoneError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
    print(summary(content))
    print(f"\nreport: {args.output / HTML_FILE}")
    if not is_whole:
        return INTERRUPTED
    return 1 if content["server"].get("died") else 0


def _knee(args: argparse.Namespace) -> int:
    from loadtest.plots import load_plot

    slo = read_slo(args.slo)
    _require_new(args.output)
    rates: list[float] = []
    latencies: list[dict[str, float]] = []

    def broken_at(rate: float) -> list[str]:
        folder = args.output / f"rate-{rate:.1f}"
        done = subprocess.run(_run_command(args, folder, rate), stdout=subprocess.DEVNULL, check=False)
        if done.returncode == INTERRUPTED:
            raise KeyboardInterrupt
        if not (folder / JSON_FILE).exists():
            raise UsageError(f"the run at {rate:.1f}/s wrote no report; what it said stands above")
        figures = read_report(folder)["figures"]
        rates.append(rate)
        latencies.append(figures["latency_ms"]["all"])
        broken = slo.broken(figures)
        print(
            f"{rate:>8.1f}/s  p99 {latencies[-1].get('p99', float('nan')):>8.1f} ms  {'; '.join(broken) or 'kept'}",
            flush=True,
        )
        return broken

    tried = knee(args.start, broken_at)
    best = highest_kept(tried)
    content: dict[str, Any] = {
        "highest_rate_per_s": best,
        "tried": [{"rate_per_s": one.rate_per_s, "broken": list(one.broken)} for one in tried],
        "slo": args.slo.read_text("utf-8"),
    }
    (args.output / "knee.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    plots = {
        "latency against load": load_plot(rates, latencies, slo.p99_ms or slo.p95_ms or slo.p90_ms or slo.p50_ms or 0)
    }
    write_page(args.output / "knee.html", "knee.html.j2", content, plots)
    print(f"highest rate that keeps the SLO: {'none that was tried' if best is None else f'{best:.1f}/s'}")
    print(f"report: {args.output / 'knee.html'}")
    return 1 if best is None else 0


def _run_command(args: argparse.Namespace, folder: Path, rate: float) -> list[str]:
    command = [sys.executable, "-m", "loadtest", "run", "--output", str(folder), "--rate", f"{rate:.3f}"]
    for name in (
        "scenario", "duration", "warm_up", "seed", "workers", "timeout", "max_in_flight", "photos", "photo_count",
        "url", "metrics_url", "repository",
    ):  # fmt: skip
        if (value := getattr(args, name)) is not None:
            command += [f"--{name.replace('_', '-')}", str(value)]
    return command


def _gate(args: argparse.Namespace) -> int:
    broken = read_slo(args.slo).broken(_report(args.report)["figures"])
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
    from loadtest.run import work

    work(args.folder, args.index, args.port)
    return 0


def _report(folder: Path) -> dict[str, Any]:
    try:
        return read_report(folder)
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} holds no report of a run ({error})") from error


def _require_new(folder: Path) -> None:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} is not empty: name a new folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"cannot make {folder}: {error.strerror}") from error


if __name__ == "__main__":
    sys.exit(main())
