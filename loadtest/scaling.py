"""Prediction of how many servers a rate needs, by `loadtest.simulate`; and of runs that were measured, to check it."""

import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Any, get_args

from command_line.errors import UsageError
from loadtest.figures import Window, figures_of
from loadtest.knee import highest_kept, knee
from loadtest.options import Dispatch, SimulateOptions
from loadtest.plan import plan_requests
from loadtest.plots import scaling_plot
from loadtest.report import JSON_FILE, read_report
from loadtest.scenario import Scenario
from loadtest.schedule import ArrivalProfile, intended_times
from loadtest.settings import RunSettings, read_settings
from loadtest.simulate import Fleet, StageTimes, simulate
from loadtest.slo import Slo

PLOT_FILE = "scaling.png"
_FORMAT = 1
_PRECISION = 1.02
_FIRST_RATE_PER_S = 10.0
_CALM_RATIO = 0.8  # of the knee, at which latencies are told: at the knee itself they are those of the SLO

Photos = Callable[[int], list[int]]
"""Function from a number to the photos of at least so many first requests."""


def photos_of_plan(scenario: Scenario, seed: int) -> Photos:
    """Plan a scenario's requests once for all runs."""
    plan, photos = plan_requests(scenario, seed), list[int]()

    def first(count: int) -> list[int]:
        photos.extend(request.photo for request in islice(plan, max(count - len(photos), 0)))
        return photos

    return first


def predicted_figures(
    times: StageTimes, fleet: Fleet, profile: ArrivalProfile, photos: Photos, *, warm_up_s: float, seed: int
) -> dict[str, Any]:
    """Simulate a run, and compute what the report of a real one holds; and `cache_hit_ratio`, of what was answered."""
    due_s = intended_times(profile, seed)
    found = simulate(times, fleet, due_s.tolist(), photos(len(due_s)), seed)
    figures = figures_of(found.samples, Window(warm_up_s, profile.duration_s), slo_ms=None, generator_cpu=())
    is_counted = (due_s >= warm_up_s) & (found.samples["code"] == 0)
    return {**figures, "cache_hit_ratio": float(found.has_hit[is_counted].mean()) if is_counted.any() else 0.0}


def predict_scaling(options: SimulateOptions, scenario: Scenario, times: StageTimes, slo: Slo) -> list[dict[str, Any]]:
    """Predict the knee of each number of servers and each dispatch; print a table, write `scaling.json` and a plot.

    Returns:
        A row for each; its rate and figures are None where even a server that is asked little breaks the SLO.
    """
    photos = photos_of_plan(scenario, options.seed)
    rows: list[dict[str, Any]] = []
    print(f"servers  dispatch      knee/s   a server    hits   at {_CALM_RATIO:.0%} of it: p50 ms    p99 ms")
    for dispatch in get_args(Dispatch):
        each_per_s = _FIRST_RATE_PER_S
        for servers in options.servers:
            fleet = _fleet(options, times, servers, dispatch)

            def figures_at(rate_per_s: float, fleet: Fleet = fleet) -> dict[str, Any]:
                profile = ArrivalProfile("poisson", rate_per_s, options.duration)
                return predicted_figures(times, fleet, profile, photos, warm_up_s=options.warm_up, seed=options.seed)

            best = highest_kept(knee(servers * each_per_s, lambda rate: slo.broken(figures_at(rate)), _PRECISION))
            row = {"servers": servers, "dispatch": dispatch, "highest_rate_per_s": best, "calm": None}
            print(f"{servers:>7}  {dispatch:<12}", end="")
            if best is None:
                print("  none that was tried keeps the SLO", flush=True)
            else:
                each_per_s, calm = best / servers, figures_at(_CALM_RATIO * best)
                latency = calm["latency_ms"]["all"]
                row["calm"] = {name: calm[name] for name in ("asked_rate_per_s", "latency_ms", "cache_hit_ratio")}
                print(
                    f"{best:>8.1f}{each_per_s:>11.1f}{calm['cache_hit_ratio']:>8.1%}"
                    f"{latency['p50']:>22.1f}{latency['p99']:>10.1f}",
                    flush=True,
                )
            rows.append(row)
    content = {"format": _FORMAT, "rows": rows}
    (options.output / "scaling.json").write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    (options.output / PLOT_FILE).write_bytes(scaling_plot(rows))
    return rows


def check_runs(options: SimulateOptions, times: StageTimes, slo: Slo) -> None:
    """Print what runs measured beside what is predicted for the same requests, and write both to `check.json`.

    Of a search, both knees are told as well.

    Raises:
        UsageError: a folder holds no run.
    """
    fleet = _fleet(options, times, options.servers[0], "affinity")  # as the load test's clients send
    rows: list[dict[str, Any]] = []
    for folder in options.check:
        runs = [(read_settings(file.parent), read_report(file.parent)) for file in folder.glob(f"**/{JSON_FILE}")]
        if not runs:
            raise UsageError(f"--check {folder} holds no {JSON_FILE}: name the folder of a run or of a knee")
        settings = runs[0][0]
        photos = photos_of_plan(settings.scenario, settings.seed)

        def figures_at(
            profile: ArrivalProfile, settings: RunSettings = settings, photos: Photos = photos
        ) -> dict[str, Any]:
            return predicted_figures(times, fleet, profile, photos, warm_up_s=settings.warm_up_s, seed=settings.seed)

        print("measured, predicted:  rate/s    p50 ms              p99 ms              hits")
        for run, report in sorted(runs, key=lambda pair: pair[0].profile.rate_per_s):
            predicted = figures_at(run.profile)
            was, will = (figures["latency_ms"]["all"] for figures in (report["figures"], predicted))
            hits = report["server"].get("stages", {}).get("image_features", {}).get("cache_hit_ratio", math.nan)
            rows.append({"rate_per_s": run.profile.rate_per_s, "measured_ms": was, "predicted_ms": will})
            print(
                f"{run.profile.rate_per_s:>28.1f}{was['p50']:>10.1f}{will['p50']:>10.1f}{was['p99']:>10.1f}"
                f"{will['p99']:>10.1f}{hits:>9.1%}{predicted['cache_hit_ratio']:>9.1%}"
            )
        if (folder / "knee.json").exists():
            was_per_s = json.loads((folder / "knee.json").read_text("utf-8"))["highest_rate_per_s"]

            def broken_at(rate_per_s: float, profile: ArrivalProfile = settings.profile) -> list[str]:
                return slo.broken(figures_at(replace(profile, rate_per_s=rate_per_s)))

            will_per_s = highest_kept(knee(was_per_s or _FIRST_RATE_PER_S, broken_at, _PRECISION))
            rows.append({"measured_knee_per_s": was_per_s, "predicted_knee_per_s": will_per_s})
            print(f"knee: measured {was_per_s or math.nan:.1f}/s, predicted {will_per_s or math.nan:.1f}/s")
    (options.output / "check.json").write_text(json.dumps({"format": _FORMAT, "rows": rows}, indent=1) + "\n", "utf-8")


def _fleet(options: SimulateOptions, times: StageTimes, servers: int, dispatch: Dispatch) -> Fleet:
    return Fleet(
        servers=servers,
        cores=options.cores or times.cores,
        dispatch=dispatch,
        cache_entries=options.cache_entries,
        at_once=options.at_once,
        most_waiting=options.queue,
        shares_cores=options.shared_cores,
    )
