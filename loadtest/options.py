"""Options of `python -m loadtest`: one class a command."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from command_line.values import Argument, Count, ExistingFolder, File, Folder, Positional, Repeated, WholeNumber

DESCRIPTION = """
Load a Vitrine server and tell the truth about it: requests leave by schedule whether or not the server keeps up, and
latency counts from when each was meant to leave. See docs/how-to/load-test.md.

Example: python -m loadtest run --scenario customer_service --rate 40 --output build/load
"""
Arrivals = Literal["constant", "poisson", "ramp", "steps", "spike"]
Dispatch = Literal["round_robin", "affinity"]
Rate = Annotated[float, Argument(metavar="R")]
Duration = Annotated[float, Argument(metavar="S")]


def _metrics_url(text: str) -> str:
    if urlsplit(text).scheme not in ("http", "https") or not urlsplit(text).netloc:
        raise ValueError(f"{text[:80]!r} came, but an address such as http://localhost:8002/metrics is expected")
    return text


@dataclass(frozen=True, kw_only=True)
class LoadOptions:
    """What is sent, and to whom."""

    output: Folder
    """New or empty folder, for samples and report; of a knee, one folder a rate."""
    scenario: Annotated[str, Argument(metavar="NAME_OR_FILE")] = "customer_service"
    """Mix of requests: a name, such as customer_service, or a .yaml file."""
    duration: Duration = 60.0
    """Seconds of a run, warm-up included."""
    warm_up: Duration = 5.0
    """Seconds at the start that are left out of the figures."""
    seed: int = 0
    """Number that the requests are drawn from: the same seed, the same requests."""
    workers: int = 1
    """Processes that send."""
    timeout: Duration = 10.0
    """Deadline of a request."""
    max_in_flight: int = 1000
    """Requests of a worker that may wait for their answers at once."""
    photos: Folder | None = None
    """Your own photos (default: drawn by catalogue/)."""
    photo_count: int = 100
    """Photos to draw."""
    photo_salt: str | None = None
    """Text added to each photo's bytes, so that no cache knows them; repeat one to send the same bytes again (default:
    a new one each run; the report names it)."""
    url: Annotated[str, Argument(metavar="HOST:PORT")] = os.environ.get("VITRINE_URL", "localhost:8001")
    """Server to load; VITRINE_URL names another default."""
    metrics_url: Annotated[str | None, Argument(_metrics_url, "URL")] = os.environ.get("VITRINE_METRICS_URL")
    """The server's metrics, such as http://localhost:8002/metrics (default: VITRINE_METRICS_URL)."""
    repository: Folder | None = None
    """Built repository to serve here, instead of --url."""


@dataclass(frozen=True, kw_only=True)
class RunOptions(LoadOptions):
    """Run one load test; writes report.html and report.json.

    Example: python -m loadtest run --scenario customer_service --rate 40 --output build/load
    """

    rate: Rate | None = None
    """Requests a second (default: 20)."""
    arrivals: Arrivals | None = None
    """How requests come over time (default: poisson)."""
    peak: Rate | None = None
    """Rate that a ramp, steps or a spike goes to."""
    steps: int = 5
    """Steps of --arrivals steps."""
    closed: Annotated[int | None, Argument(metavar="USERS")] = None
    """Closed loop instead: so many users, who each ask one question after the other."""
    slo_ms: Annotated[float | None, Argument(metavar="MS")] = None
    """Milliseconds within which an answer counts as goodput."""
    web: Annotated[int | None, Argument(metavar="PORT")] = None
    """Port of Locust's page while it runs."""

    def __post_init__(self) -> None:
        for name in ("workers", "max_in_flight", "photo_count", "timeout", "slo_ms"):
            if getattr(self, name) is not None and not getattr(self, name) > 0:
                raise ValueError(f"--{name.replace('_', '-')} is {getattr(self, name)}, but more than 0 is expected")
        if self.web is not None and not 0 < self.web < 2**16:
            raise ValueError(f"--web is {self.web}, but a port of 1 to 65535 is expected")
        if self.seed < 0:
            raise ValueError(f"--seed is {self.seed}, but a number of 0 or more is expected")
        if self.closed is not None and self.closed < self.workers:
            raise ValueError(f"--closed {self.closed} is less than --workers {self.workers}: each worker needs a user")
        if not 0 <= self.warm_up < self.duration:
            raise ValueError(
                f"the warm-up of {self.warm_up:g} s must be shorter than the {self.duration:g} s of the run"
            )
        if self.closed is not None and (self.rate, self.arrivals, self.peak) != (None, None, None):
            raise ValueError("--closed has no schedule: leave --rate, --arrivals and --peak out")
        if self.repository and self.metrics_url not in (None, os.environ.get("VITRINE_METRICS_URL")):
            raise ValueError("--repository serves here: leave --metrics-url out")


@dataclass(frozen=True, kw_only=True)
class KneeOptions(LoadOptions):
    """Find the highest rate that keeps the SLO.

    Runs at several rates until it is known to a tenth, and plots the curve.

    Example: python -m loadtest knee --slo loadtest/slo.yaml --output build/knee
    """

    slo: File
    """Objectives, such as loadtest/slo.yaml."""
    start: Rate = 10.0
    """First rate, in requests a second."""

    def __post_init__(self) -> None:
        if not self.start > 0:
            raise ValueError(f"--start is {self.start:g}, but more than 0 is expected")


@dataclass(frozen=True, kw_only=True)
class StagesOptions(LoadOptions):
    """Measure what a question costs one server, for `simulate`; writes stages.json.

    Runs of questions about known photos and about new ones, of several callers at once and of questions that meet no
    other, of the scenario's photos and questions. They take fourteen times --duration.

    Example: python -m loadtest stages --repository build/vitrine-small --output build/load/stages
    """

    duration: Duration = 10.0
    """Seconds of a run, warm-up included; three times as long for questions that meet no other."""
    warm_up: Duration = 2.0
    """Seconds at the start that are left out of the figures."""
    cores: Count = os.cpu_count() or 1
    """Processor cores of the server's machine."""


@dataclass(frozen=True, kw_only=True)
class SimulateOptions:
    """Predict what many servers answer: knee, latencies and cache hits, by a simulation; no server runs.

    Requests are those of the scenario that was measured, and come to the servers in turn, or each photo to a server of
    its own (affinity). Writes scaling.json and scaling.png.

    Example: python -m loadtest simulate build/load/stages/stages.json --slo loadtest/slo.yaml --output build/scaling
    """

    stages: Positional[File]
    """Times that `python -m loadtest stages` has measured."""
    slo: File
    """Objectives, such as loadtest/slo.yaml."""
    output: Folder
    """New or empty folder."""
    servers: tuple[Count, ...] = (1, 2, 5, 10, 20, 50, 100)
    """Numbers of servers."""
    cores: Count | None = None
    """Processor cores of a server (default: as many as were measured on)."""
    shared_cores: bool = False
    """All servers run on the same cores."""
    cache_entries: Count = 10_000
    """Photos that a server's cache holds (those of the bundled checkpoint take 20 KiB each)."""
    at_once: Count = 64
    """Requests that a server works on at once."""
    queue: WholeNumber = 256
    """Requests that wait beyond those at a server; further ones are refused."""
    duration: Duration = 20.0
    """Seconds of a simulated run, warm-up included."""
    warm_up: Duration = 5.0
    """Seconds at the start, with empty caches, that are left out of the figures."""
    seed: int = 0
    """Number that everything is drawn from."""
    check: Repeated[tuple[ExistingFolder, ...]] = ()
    """Folder of a run or of a search for the knee: simulate the same with the first number of --servers, in turn, and
    print both. May come again."""

    def __post_init__(self) -> None:
        if not 0 <= self.warm_up < self.duration:
            raise ValueError(
                f"the warm-up of {self.warm_up:g} s must be shorter than the {self.duration:g} s of the run"
            )


@dataclass(frozen=True, kw_only=True)
class GateOptions:
    """Hold a report against an SLO.

    Ends with 1 and the reasons when an objective is broken.
    """

    report: Positional[Path]
    """Folder of a run."""
    slo: File
    """Objectives, such as loadtest/slo.yaml."""


@dataclass(frozen=True)
class CompareOptions:
    """Say what changed between two runs, beyond noise.

    Each run is cut into 20 stretches of time, and Mann and Whitney's test says how likely it is that stretches so
    different come by chance (p). "Beyond noise" is a p below 0.01 and a change of over 2 %.
    """

    before: Positional[Path]
    """Folder of the first run."""
    after: Positional[Path]
    """Folder of the second."""


@dataclass(frozen=True, kw_only=True)
class WorkerOptions:
    folder: Positional[Path]
    index: int
    port: int


COMMANDS: dict[str, type[Any]] = {
    "run": RunOptions,
    "knee": KneeOptions,
    "stages": StagesOptions,
    "simulate": SimulateOptions,
    "gate": GateOptions,
    "compare": CompareOptions,
    "worker": WorkerOptions,  # started by run; not for people
}
