"""One soak: a server under load and faults, samples of its processes, and what is said of them."""

import asyncio
import json
import random
import sys
import threading
import time
from dataclasses import asdict, dataclass

from tqdm import tqdm

from checks.soak.faults import schedule
from checks.soak.options import SoakOptions
from checks.soak.processes import Sample, sample
from checks.soak.report import Growth, growths, plot
from checks.soak.traffic import Tally, Traffic
from checks.soak.verdict import counted, problems_of
from command_line.values import make_folder
from serving.server_process import Served, running_server
from serving.supervision.signals import end_on_signals

SOAK_FORMAT = 1
"""Format of soak.json."""
_SAMPLES = 360
_MOST_FAULTS = 4  # the supervisor gives up at the sixth within ten minutes
_BURST_EVERY_S = 20.0
"""Seconds between bursts: often enough that Triton's memory is at its height long before the last half."""
_CACHE_MIB = 16
"""Small, so that it is full, and its entries exchanged, long before the last half."""


def soak(options: SoakOptions) -> int:
    """Load a server, write soak.png and soak.json.

    Returns:
        The program's exit status.

    Raises:
        UsageError: the output's folder cannot be made.
        ServingError: the server did not start.
    """
    end_on_signals()
    make_folder(options.output)
    run = _run(options)
    found = growths(run.samples, options.duration)
    plot(run.samples, run.faults, options.output / "soak.png")
    is_good = _say(found, run, options)
    report = {
        "format": SOAK_FORMAT,
        "duration_s": options.duration,
        "growth": [asdict(growth) for growth in found],
        "outcomes": dict(run.tally.outcomes),
        "wrong": run.tally.wrong,
        "faults": run.faults,
        "server_lines": run.lines,
        "samples": [asdict(one) for one in run.samples],
    }
    (options.output / "soak.json").write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", "utf-8")
    print(f"{options.output / 'soak.png'}, {options.output / 'soak.json'}")
    return 0 if is_good else 1


@dataclass(frozen=True)
class _Run:
    """Observations of one soak."""

    samples: list[Sample]
    faults: list[tuple[float, str]]
    """Faults that were done to the server, each with its second."""
    tally: Tally
    restarts: int
    lines: list[str]
    """Lines that the server has printed."""
    ended: list[str]
    """Ends before their time, or bad ones, in words for people."""


def _run(options: SoakOptions) -> _Run:
    with running_server(options.repository, options.output / "triton.log", "--cache-mib", str(_CACHE_MIB)) as server:
        traffic = Traffic(server.url, callers=options.callers, burst_every_s=_BURST_EVERY_S)
        thread = threading.Thread(target=lambda: asyncio.run(traffic.run()))
        thread.start()
        try:
            samples, faults = _watch(server, traffic, thread, options.duration)
            has_ended = server.process.poll() is not None
            restarts = 0 if has_ended else server.restarts()
            ended = [] if thread.is_alive() else ["the traffic ended before its time, by an error of its own"]
        finally:
            traffic.stop()
            thread.join()
    if has_ended or server.process.returncode != 0:
        when = "before its time" if has_ended else f"with status {server.process.returncode}"
        ended.append(f"the server ended {when}: {' '.join(server.lines[-3:])}")
    return _Run(samples, faults, traffic.tally, restarts, server.lines, ended)


def _watch(
    server: Served, traffic: Traffic, thread: threading.Thread, duration_s: float
) -> tuple[list[Sample], list[tuple[float, str]]]:
    start_s, draw = time.monotonic(), random.Random(0)
    planned = schedule(duration_s, _MOST_FAULTS)
    samples: list[Sample] = []
    done: list[tuple[float, str]] = []
    every_s = max(1.0, duration_s / _SAMPLES)
    with tqdm(total=round(duration_s), unit="s", desc="soak", mininterval=10) as bar:
        while (now_s := time.monotonic() - start_s) < duration_s:
            if server.process.poll() is not None or not thread.is_alive():
                break
            traffic.is_undisturbed = now_s >= duration_s / 2
            if planned and now_s >= planned[0][0] and (what := planned.pop(0)[1](server, draw)):
                done.append((now_s, what))
            if now_s >= len(samples) * every_s:
                samples.append(sample(server, start_s))
            bar.update(round(now_s) - bar.n)
            time.sleep(0.25)
    return samples, done


def _say(found: list[Growth], run: _Run, options: SoakOptions) -> bool:
    """Print what was seen; return whether all is well."""
    print(f"{run.tally.outcomes.total():,} calls; what came of them:")
    for kind, count in sorted(run.tally.outcomes.items()):
        print(f"  {count:9,}  {kind}")
    for at_s, what in run.faults:
        print(f"  at {at_s:6.0f} s  {what}")
    print(f"  {counted(run.restarts, 'restart')} for {counted(len(run.faults), 'fault')}")
    for line in run.lines:
        print(f"  server: {line}")
    for growth in found:
        print(f"  {growth.name:26} {growth.mean:9.1f} {growth.unit:4} {growth.share:+8.2%} over the last half")
    done = [what for _, what in run.faults]
    problems = run.ended + problems_of(found, run.tally, done, run.restarts, max_growth=options.max_growth)
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    return not problems
