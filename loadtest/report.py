"""The report of one run: `report.json` for programs, `report.html` for people."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.figures import Window, figures_of
from loadtest.plan import REQUEST_KINDS
from loadtest.plots import distribution_plot, over_time_plot, stages_plot
from loadtest.samples import CODES, read_samples
from loadtest.settings import RunSettings
from measuring.page import write_page

JSON_FILE, HTML_FILE = "report.json", "report.html"
_TEMPLATE = Path(__file__).parent / "report.html.j2"
FORMAT = 1
"""Version of `report.json`. It rises when a field is dropped or changes its meaning."""
_SHORTEST_S = 0.001
BLOCKS = 20
"""A run is cut into so many stretches of time, to see how much its figures vary by chance."""


@dataclass(frozen=True)
class Run:
    """Facts of a run besides its samples."""

    settings: RunSettings
    ran_s: float
    """Seconds of the schedule that were run; fewer than all after Ctrl-C."""
    slo_ms: float | None
    """Milliseconds within which an answer is goodput; see `figures_of`."""
    data_sha256: str
    """SHA-256 of the photos, in hexadecimal."""
    server: dict[str, Any]
    """Stages, memory and CPU over the run; {} if nothing was known."""
    notes: tuple[str, ...] = ()
    """Sentences that readers must know before they believe the figures."""
    is_whole: bool = True
    """False after Ctrl-C."""

    @property
    def window(self) -> Window:
        """Return the part that is measured: all of it where it ended in the warm-up."""
        warm_up_s = self.settings.warm_up_s
        return Window(warm_up_s if self.ran_s > warm_up_s else 0.0, max(self.ran_s, _SHORTEST_S))


def write_run_report(folder: Path, run: Run) -> dict[str, Any]:
    """Write `report.json` and `report.html` beside the samples in `folder`, and return the content of the first."""
    samples, window = read_samples(folder), run.window
    workers = [json.loads(file.read_text("utf-8")) for file in sorted(folder.glob("worker-*.json"))]
    figures = figures_of(
        samples, window, slo_ms=run.slo_ms, generator_cpu=[worker["cpu_of_a_core"] for worker in workers]
    )
    content = {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "loop": "open" if run.settings.is_open_loop else "closed",
        "is_whole": run.is_whole,
        "settings": asdict(run.settings),
        "data_sha256": run.data_sha256,
        "window_s": [window.warm_up_s, window.end_s],
        "figures": figures,
        "first_messages": _first_messages(workers),
        "blocks": _blocks(samples, window),
        "server": run.server,
        "notes": [*run.notes, *figures["generator"]["doubts"]],
    }
    (folder / JSON_FILE).write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")
    plots = {
        "over time": over_time_plot(
            samples, window, profile=run.settings.profile if run.settings.is_open_loop else None
        ),
        "distribution": distribution_plot(_by_kind(samples, window), run.slo_ms),
    }
    if run.server.get("stages"):
        plots["stages"] = stages_plot(run.server["stages"])
    write_page(folder / HTML_FILE, _TEMPLATE, content, plots)
    return content


def read_report(folder: Path) -> dict[str, Any]:
    """Read the content of a run's `report.json`.

    Raises:
        OSError, ValueError: there is none, or it is broken.
    """
    content: dict[str, Any] = json.loads((folder / JSON_FILE).read_text("utf-8"))
    if (found := content.get("format")) != FORMAT:
        raise ValueError(f"{JSON_FILE} has the format {found}, but {FORMAT} is expected: run the load test again")
    return content


def summary(content: dict[str, Any]) -> str:
    """Format the figures as text."""
    figures = content["figures"]
    lines = [
        f"{content['loop']} loop, {content['settings']['scenario']['name']}, seed {content['settings']['seed']}, "
        f"{figures['requests']} requests after a warm-up of {content['window_s'][0]:g} s "
        f"({figures['warm_up_requests_left_out']} left out)",
        f"  asked {figures['asked_rate_per_s']:.1f}/s   achieved {figures['achieved_rate_per_s']:.1f}/s   "
        f"goodput {figures['goodput_per_s']:.1f}/s   errors {100 * figures['error_ratio']:.2f} %",
        "  codes " + "  ".join(f"{code} {count}" for code, count in figures["codes"].items()),
        *(f"    first {code}: {message}" for code, message in content["first_messages"].items()),
        "",
        "  latency, ms" + "".join(f"{name:>9}" for name in ("p50", "p90", "p95", "p99", "p99.9", "max")),
    ]
    for kind, latency in figures["latency_ms"].items():
        if latency:
            values = "".join(f"{latency[name]:>9.1f}" for name in ("p50", "p90", "p95", "p99", "p99.9", "max"))
            lines.append(f"  {kind:<11}{values}")
    if stages := content["server"].get("stages"):
        lines += ["", f"  {'server, ms':<24}{'queue':>8}{'compute':>9}{'batch':>7}{'hits':>7}"]
        for name, stage in stages.items():
            hits = f"{stage['cache_hit_ratio']:>7.0%}" if "cache_hit_ratio" in stage else ""
            if "compute_ms" in stage:
                lines.append(
                    f"  {name:<24}{stage['queue_ms']:>8.2f}{stage['compute_ms']:>9.2f}{stage['mean_batch']:>7.1f}{hits}"
                )
    if memory := content["server"].get("memory_mib"):
        lines += ["", f"  server memory {memory:.0f} MiB, CPU {content['server']['cpu_cores']:.2f} cores"]
    lines += [f"  ! {note}" for note in content["notes"]]
    return "\n".join(lines)


def _first_messages(workers: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Merge what each worker kept: of each error code one message, by code."""
    found: dict[str, str] = {}
    for worker in workers:
        found = worker["first_messages"] | found
    return dict(sorted(found.items()))


def _by_kind(samples: NDArray[np.void], window: Window) -> dict[str, NDArray[np.float64]]:
    measured = window.cut(samples)
    sent = measured[measured["code"] != CODES.index("NOT_SENT")]
    return {
        name: 1000 * sent["latency_s"][sent["kind"] == number].astype(np.float64)
        for number, name in enumerate(REQUEST_KINDS)
    }


def _blocks(samples: NDArray[np.void], window: Window) -> list[dict[str, float]]:
    """Compute the main figures of each stretch of time."""
    edges = np.linspace(window.warm_up_s, window.end_s, BLOCKS + 1)
    blocks = []
    for low, high in pairwise(edges):
        part = Window(float(low), float(high))
        if part.seconds > 0 and len(part.cut(samples)):
            found = figures_of(samples, part, slo_ms=None, generator_cpu=())
            latency = found["latency_ms"]["all"]
            blocks.append(
                {
                    "p50": latency.get("p50", 0.0),
                    "p99": latency.get("p99", 0.0),
                    "achieved_rate_per_s": found["achieved_rate_per_s"],
                    "error_ratio": found["error_ratio"],
                }
            )
    return blocks
