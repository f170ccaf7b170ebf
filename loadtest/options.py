"""What `python -m loadtest` understands."""

import argparse
import os
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from loadtest.scenario import NAMED
from loadtest.schedule import ARRIVALS

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"
DEFAULT_URL = os.environ.get("VITRINE_URL", "localhost:8001")


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(
        prog="python -m loadtest",
        description="Load a Vitrine server and tell the truth about it: requests leave by schedule whether or not the "
        "server keeps up, and latency counts from when each was meant to leave. See docs/how-to/load-test.md.",
        epilog="example: python -m loadtest run --scenario customer_service --rate 40 --output build/load",
    )
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands)
    _add_knee(commands)
    _add_gate_and_compare(commands)
    worker = commands.add_parser("worker")  # started by run; not for people
    worker.add_argument("folder", type=Path)
    worker.add_argument("--index", type=int, required=True)
    worker.add_argument("--port", type=int, required=True)
    return top


def _add_run(commands: Commands) -> None:
    run = commands.add_parser(
        "run", help="one run, and its report", description="Run one load test; writes report.html and report.json."
    )
    _add_what(run)
    run.add_argument(
        "--output", type=Path, required=True, metavar="FOLDER", help="new, or empty, for samples and report"
    )
    run.add_argument("--rate", type=float, metavar="R", help="requests a second (default: 20)")
    run.add_argument("--arrivals", choices=ARRIVALS, help="how they come (default: poisson)")
    run.add_argument("--peak", type=float, metavar="R", help="the rate that a ramp, steps or a spike goes to")
    run.add_argument("--steps", type=int, default=5, metavar="N", help="of --arrivals steps (default: 5)")
    run.add_argument("--closed", type=int, metavar="USERS", help="closed loop instead: so many ask one after the other")
    run.add_argument("--slo-ms", type=float, metavar="MS", help="goodput counts what was answered within this")
    run.add_argument("--web", type=int, metavar="PORT", help="Locust's page on this port while it runs")


def _add_knee(commands: Commands) -> None:
    knee = commands.add_parser(
        "knee",
        help="the highest rate that keeps the SLO",
        description="Run at several rates until the highest that keeps the SLO is known to a tenth; plots the curve.",
    )
    _add_what(knee)
    knee.add_argument("--output", type=Path, required=True, metavar="FOLDER", help="new, or empty; one folder a rate")
    knee.add_argument("--slo", type=Path, required=True, metavar="FILE", help="such as loadtest/slo.yaml")
    knee.add_argument("--start", type=float, default=10.0, metavar="R", help="the first rate (default: 10)")


def _add_gate_and_compare(commands: Commands) -> None:
    gate = commands.add_parser(
        "gate",
        help="hold a report against an SLO",
        description="Ends with 1 and the reasons when an objective is broken.",
    )
    gate.add_argument("report", type=Path, metavar="FOLDER", help="of a run")
    gate.add_argument("--slo", type=Path, required=True, metavar="FILE", help="such as loadtest/slo.yaml")

    compare = commands.add_parser(
        "compare",
        help="what changed between two runs, beyond noise",
        description="Each run is cut into 20 stretches of time, and Mann and Whitney's test says how likely it is that "
        'stretches so different come by chance (p). "Beyond noise" is a p below 0.01 and a change of over 2 %%.',
    )
    compare.add_argument("before", type=Path, metavar="BEFORE", help="the folder of the first run")
    compare.add_argument("after", type=Path, metavar="AFTER", help="of the second")


def _metrics_url(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc:
        raise argparse.ArgumentTypeError(
            f"{text[:80]!r} came, but an address such as http://localhost:8002/metrics is expected"
        )
    return text


def _add_what(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--scenario",
        default="customer_service",
        metavar="NAME_OR_FILE",
        help=f"{', '.join(NAMED)}, or a .yaml file (default: customer_service)",
    )
    command.add_argument(
        "--duration", type=float, default=60.0, metavar="S", help="seconds, warm-up included (default: 60)"
    )
    command.add_argument("--warm-up", type=float, default=5.0, metavar="S", help="left out of the figures (default: 5)")
    command.add_argument("--seed", type=int, default=0, help="same seed, same requests (default: 0)")
    command.add_argument("--workers", type=int, default=1, metavar="N", help="processes that send (default: 1)")
    command.add_argument("--timeout", type=float, default=10.0, metavar="S", help="deadline of a request (default: 10)")
    command.add_argument("--max-in-flight", type=int, default=1000, metavar="N", help="of a worker (default: 1000)")
    command.add_argument("--photos", type=Path, metavar="FOLDER", help="your own (default: drawn by catalogue/)")
    command.add_argument("--photo-count", type=int, default=100, metavar="N", help="to draw (default: 100)")
    command.add_argument(
        "--photo-salt",
        metavar="TEXT",
        help="added to each photo's bytes, so that no cache knows them; repeat one to send the same bytes again "
        "(default: a new one each run; the report names it)",
    )
    command.add_argument(
        "--url", default=DEFAULT_URL, metavar="HOST:PORT", help=f"(default: VITRINE_URL, {DEFAULT_URL})"
    )
    command.add_argument(
        "--metrics-url",
        default=os.environ.get("VITRINE_METRICS_URL"),
        type=_metrics_url,
        metavar="URL",
        help="the server's, such as http://localhost:8002/metrics (default: VITRINE_METRICS_URL)",
    )
    command.add_argument("--repository", type=Path, metavar="FOLDER", help="serve this one here, instead of --url")
