"""The report's plots, as PNG."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadtest.figures import Window
from loadtest.samples import CODES
from loadtest.schedule import ArrivalProfile
from loadtest.server_metrics import ASKED, ENSEMBLES
from measuring.plots import plt, png_of

_BINS = 60
_LEAST_SAMPLES = {50: 20, 90: 20, 99: 100}
"""Requests that a percentile is taken of, at least: of fewer than a hundred, p99 would be the slowest one."""
_SENT = CODES.index("NOT_SENT")


def over_time_plot(samples: NDArray[np.void], window: Window, *, profile: ArrivalProfile | None) -> bytes:
    """Latency and rate over the run, by intended time; the warm-up is grey.

    Args:
        profile: the rate that was set; None in a closed loop, which has none.
    """
    sent = samples[samples["code"] != _SENT]
    figure, (latency, rate) = plt.subplots(
        2, 1, figsize=(9, 5), layout="constrained", sharex=True, height_ratios=(2, 1)
    )
    for percent, style in ((50, ".-"), (90, ".--"), (99, ".:")):
        times, line = percentile_over_time(sent, percent)
        latency.plot(times, line, style, markersize=3, color="tab:blue", label=f"p{percent}" if len(line) else None)
    failed = sent[sent["code"] != 0]
    if len(failed):
        latency.plot(
            failed["intended_s"], 1000 * failed["latency_s"], "x", color="tab:red", markersize=4, label="not OK"
        )
    latency.set(
        ylabel="latency, ms",
        yscale="log",
        title=f"Latency over time, from the {'intended send time' if profile else 'send (closed loop)'}",
    )
    _draw_rates(rate, samples, sent, window, profile)
    for axes in (latency, rate):
        axes.axvspan(0, window.warm_up_s, color="0.93")
        axes.grid(alpha=0.3)
        if axes.get_legend_handles_labels()[0]:  # a run of a second may have no percentile
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize=8, handlelength=3)
    return png_of(figure)


def _draw_rates(
    axes: Any, samples: NDArray[np.void], sent: NDArray[np.void], window: Window, profile: ArrivalProfile | None
) -> None:
    """Draw the rate that was set, what came due (at random distances it is a little more or less), and the answers."""
    bins = int(np.clip(len(sent) // _LEAST_SAMPLES[50], 5, _BINS))
    edges = np.linspace(0, max(window.end_s, 1e-9), bins + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    counts, _ = np.histogram(samples["intended_s"], edges)
    done, _ = np.histogram(sent["intended_s"][sent["code"] == 0] + sent["latency_s"][sent["code"] == 0], edges)
    if profile:
        axes.plot(*profile.corners(), "--", color="black", linewidth=1, label="set")
    # Wide, so that it is seen behind what was answered.
    axes.step(middles, counts / np.diff(edges), where="mid", color="0.7", linewidth=4, label="asked")
    axes.step(middles, done / np.diff(edges), where="mid", color="tab:green", linewidth=1.2, label="answered")
    axes.set(xlabel="seconds after the start", ylabel="requests a second", ylim=(0, None))
    axes.set_xlim(0, window.end_s)


def distribution_plot(latencies_ms: dict[str, NDArray[np.float64]], slo_ms: float | None) -> bytes:
    """Share of requests that took no longer, by kind."""
    figure, axes = plt.subplots(figsize=(9, 3.4), layout="constrained")
    for name, values in latencies_ms.items():
        if len(values):
            axes.plot(
                np.sort(values), np.arange(1, len(values) + 1) / len(values) * 100, label=name, drawstyle="steps-post"
            )
    if slo_ms:
        axes.axvline(slo_ms, color="tab:red", linestyle="--", linewidth=1, label="SLO")
    axes.set(xscale="log", xlabel="latency, ms", ylabel="% of the requests", title="Latency distribution")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return png_of(figure)


def stages_plot(stages: dict[str, dict[str, float]]) -> bytes:
    """Queue and compute time of each step, over all requests: a step that the cache spares counts little."""
    steps = {name: stage for name, stage in stages.items() if "compute_ms" in stage and name not in ENSEMBLES}
    figure, axes = plt.subplots(figsize=(9, 0.4 * len(steps) + 1.4), layout="constrained")
    asked = sum(stages[name].get("requests", 0.0) for name in ASKED if name in stages) or 1.0

    def share(name: str) -> float:
        return steps[name]["requests"] / asked

    names = sorted(steps, key=lambda name: share(name) * (steps[name]["queue_ms"] + steps[name]["compute_ms"]))
    queue, work = (np.array([share(name) * steps[name][part] for name in names]) for part in ("queue_ms", "compute_ms"))
    axes.barh(names, queue, color="tab:orange", label="in the queue")
    axes.barh(names, work, left=queue, color="tab:blue", label="at work")
    axes.set(xlabel="ms, mean over all requests", title="Where the time goes in the server")
    axes.legend(fontsize=8)
    return png_of(figure)


def load_plot(rates_per_s: Sequence[float], latency_ms: Sequence[dict[str, float]], slo_ms: float) -> bytes:
    """Latency against the rate: the knee."""
    figure, axes = plt.subplots(figsize=(9, 3.8), layout="constrained")
    order = np.argsort(rates_per_s)
    for name in ("p50", "p90", "p99"):
        axes.plot(
            np.array(rates_per_s)[order], [latency_ms[i].get(name, float("nan")) for i in order], "o-", label=name
        )
    axes.axhline(slo_ms, color="tab:red", linestyle="--", linewidth=1, label="SLO")
    axes.set(yscale="log", xlabel="requests a second, asked for", ylabel="latency, ms", title="Latency against load")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)
    return png_of(figure)


def scaling_plot(rows: Sequence[dict[str, Any]]) -> bytes:
    """Knee and cache hits against the number of servers, by dispatch.

    Args:
        rows: of `scaling.json`.
    """
    figure, (rate, hits) = plt.subplots(1, 2, figsize=(9, 3.8), layout="constrained")
    for dispatch in dict.fromkeys(row["dispatch"] for row in rows):
        kept = [row for row in rows if row["dispatch"] == dispatch and row["calm"]]
        servers = [row["servers"] for row in kept]
        rate.plot(servers, [row["highest_rate_per_s"] for row in kept], "o-", label=dispatch.replace("_", " "))
        hits.plot(
            servers, [100 * row["calm"]["cache_hit_ratio"] for row in kept], "o-", label=dispatch.replace("_", " ")
        )
    rate.set(xscale="log", yscale="log", ylabel="requests a second", title="Highest rate that keeps the SLO")
    hits.set(xscale="log", ylabel="% of the photos", title="Cache hits")
    for axes in (rate, hits):
        axes.set_xlabel("servers")
        axes.grid(alpha=0.3)
        axes.legend(fontsize=8)
    return png_of(figure)


def percentile_over_time(sent: NDArray[np.void], percent: int) -> tuple[list[float], list[float]]:
    """Compute times in seconds, and the percentile in ms of the requests around each: as many as it needs, or none."""
    groups = min(len(sent) // _LEAST_SAMPLES[percent], _BINS)
    if not groups:
        return [], []
    parts = np.array_split(np.sort(sent, order="intended_s"), groups)
    times = [float(np.median(part["intended_s"])) for part in parts]
    return times, [1000 * float(np.percentile(part["latency_s"], percent)) for part in parts]
