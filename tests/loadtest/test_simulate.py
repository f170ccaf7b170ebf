"""Simulated servers keep to what queueing theory knows of them, and what is measured of one is what is simulated."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadtest.cli import perform
from loadtest.options import Dispatch, SimulateOptions
from loadtest.report import Run, write_run_report
from loadtest.samples import SampleFile
from loadtest.scaling import photos_of_plan
from loadtest.scenario import NAMED, read_scenario
from loadtest.schedule import ArrivalProfile, intended_times
from loadtest.settings import RunSettings, write_settings
from loadtest.simulate import Fleet, Simulated, StageTimes, StageTimesError, simulate
from loadtest.stages import FILE, StagesError, measure_stages, read_stages

MEAN_MS = 10.0
ONE = Fleet(servers=1, cores=1, dispatch="round_robin", cache_entries=10, at_once=10_000, most_waiting=100_000)
"""A server of one core, which all that are there share."""
SCENARIO = NAMED["customer_service"]
ROOT = Path(__file__).parents[2]


def times(ms: Sequence[float], new_ms: Sequence[float] | None = None) -> StageTimes:
    """Times of a server that does the same work each second, however many wait; new photos cost nothing more."""
    return StageTimes(1, tuple(ms), tuple(new_ms or ms), (1,), (1.0,), (1.0,))


CONSTANT = times([MEAN_MS])
RANDOM = times(np.maximum(np.random.default_rng(7).exponential(MEAN_MS, 20_000), 0.001).tolist())


def run(times: StageTimes, fleet: Fleet, *, busy: float, count: int = 60_000, seed: int = 0) -> Simulated:
    """Simulate arrivals at random distances that keep a share `busy` of all cores at work, all about one photo."""
    rate_per_s = (
        busy * fleet.cores * (1 if fleet.shares_cores else fleet.servers) * 1000 / float(np.mean(times.known_ms))
    )
    due_s = intended_times(ArrivalProfile("poisson", rate_per_s, count / rate_per_s), seed).tolist()
    return simulate(times, fleet, due_s, [0] * len(due_s), seed)


def mean_ms(found: Simulated) -> float:
    return 1000 * float(found.samples["latency_s"].mean())


def erlang_c(cores: int, busy: float) -> float:
    """Compute the share of the requests that wait for one of `cores`."""
    offered = cores * busy
    terms = [offered**number / math.factorial(number) for number in range(cores)]
    last = offered**cores / math.factorial(cores) / (1 - busy)
    return last / (sum(terms) + last)


@pytest.mark.parametrize("cores", [1, 2, 8])
@pytest.mark.parametrize("in_order", [True, False])
def test_random_times_wait_as_long_as_erlang_says_in_order_or_side_by_side(cores: int, in_order: bool) -> None:
    fleet = replace(ONE, cores=cores, at_once=cores if in_order else ONE.at_once)
    expected_ms = MEAN_MS * (1 + erlang_c(cores, 0.7) / (cores * 0.3))
    # Seeded. A mean of 60,000 varies by some 2 %.
    assert mean_ms(run(RANDOM, fleet, busy=0.7)) == pytest.approx(expected_ms, rel=0.06)


def test_equal_times_wait_half_as_long_in_order_as_side_by_side() -> None:
    in_order = mean_ms(run(CONSTANT, replace(ONE, at_once=1), busy=0.7)) - MEAN_MS
    side_by_side = mean_ms(run(CONSTANT, ONE, busy=0.7)) - MEAN_MS
    assert in_order == pytest.approx(MEAN_MS * 0.7 / 0.6, rel=0.06), "Pollaczek and Khinchine"
    assert side_by_side == pytest.approx(MEAN_MS * 0.7 / 0.3, rel=0.06), "Kleinrock"


def test_a_queue_refuses_what_it_cannot_hold_as_often_as_theory_says_and_loses_nothing() -> None:
    found = run(RANDOM, replace(ONE, at_once=1, most_waiting=4), busy=1.5)
    is_refused = found.samples["code"] != 0
    assert is_refused.mean() == pytest.approx(1.5**5 * (1 - 1.5) / (1 - 1.5**6), rel=0.03)
    assert (found.samples["latency_s"][is_refused] == 0).all()
    assert (found.samples["latency_s"][~is_refused] > 0).all()
    assert not found.has_hit[is_refused].any()
    start_s, end_s = found.samples["intended_s"], found.samples["intended_s"] + found.samples["latency_s"]
    answered = np.concatenate([np.ones(int((~is_refused).sum())), -np.ones(int((~is_refused).sum()))])
    order = np.argsort(np.concatenate([start_s[~is_refused], end_s[~is_refused]]), kind="stable")
    assert np.cumsum(answered[order]).max() == 5, "one at work and four that wait"


def test_servers_on_shared_cores_are_together_as_fast_as_one() -> None:
    two = run(RANDOM, replace(ONE, servers=2, shares_cores=True), busy=0.8, count=5000)
    one = run(RANDOM, ONE, busy=0.8, count=5000)
    # Each of the two has to see the photo first, whose time is another; once all are idle again, nothing is left of it.
    assert two.samples["latency_s"][500:] == pytest.approx(one.samples["latency_s"][500:], rel=1e-4)
    apart = run(RANDOM, replace(ONE, servers=2), busy=0.4, count=5000)
    assert mean_ms(apart) < 0.6 * mean_ms(two), "each has its own core, and half of the requests"


def test_measured_factors_say_how_long_a_stage_takes() -> None:
    slow = StageTimes(2, (10.0,), (30.0,), (1, 2), (1.0, 1.5), (1.0, 1.2))
    due_s, photos = [0.0, 0.0, 1.0, 2.0], [1, 2, 1, 3]
    found = simulate(slow, replace(ONE, cores=2), due_s, photos, 0)
    features, answer = 20 * 1.5, 10 * 1.2
    assert 1000 * found.samples["latency_s"] == pytest.approx([features + answer] * 2 + [10, 30], rel=1e-4)
    assert found.has_hit.tolist() == [False, False, True, False]
    on_four = simulate(slow, replace(ONE, cores=4), due_s, photos, 0)
    assert 1000 * on_four.samples["latency_s"] == pytest.approx([30, 30, 10, 30], rel=1e-4), "two on four: no slower"


def test_photos_that_each_have_a_server_hit_as_often_as_in_one_large_cache() -> None:
    photos = np.random.default_rng(3).zipf(1.2, 40_000)
    known = (photos[photos < 5000][:20_000]).tolist()
    due_s = (np.arange(len(known)) * 0.1).tolist()  # none meets another

    def hit_ratio(servers: int, entries: int, dispatch: Dispatch) -> float:
        fleet = replace(ONE, servers=servers, cache_entries=entries, dispatch=dispatch)
        return float(simulate(CONSTANT, fleet, due_s, known, 0).has_hit.mean())

    one = hit_ratio(1, 800, "round_robin")
    assert hit_ratio(8, 100, "affinity") == pytest.approx(one, abs=0.02)
    assert hit_ratio(8, 100, "round_robin") < one - 0.1


def test_a_photo_that_all_ask_about_is_shared_out() -> None:
    found = run(CONSTANT, replace(ONE, servers=4, dispatch="affinity"), busy=0.7, count=5000)
    assert np.percentile(found.samples["latency_s"], 99) < 0.2, "one server alone would fall behind by seconds"


def test_the_same_seed_gives_the_same_and_another_does_not() -> None:
    runs = [run(RANDOM, replace(ONE, servers=3, dispatch="affinity"), busy=0.7, count=2000, seed=4) for _ in range(2)]
    assert np.array_equal(runs[0].samples, runs[1].samples)
    due_s = runs[0].samples["intended_s"].tolist()
    first, other = (simulate(RANDOM, ONE, due_s, [0] * len(due_s), seed).samples for seed in (1, 2))
    assert not np.array_equal(first, other)


def test_photos_are_those_of_a_real_run_however_many_are_asked_for_first() -> None:
    photos = photos_of_plan(SCENARIO, 5)
    few = list(photos(10))
    assert photos(200)[:10] == few[:10]
    assert len(photos(200)) == 200


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"known_ms": ()}, "nothing came in known_ms, but numbers of 0.001 and more"),
        ({"new_ms": (math.nan,)}, "nan came in new_ms"),
        ({"new_ms": ("10",)}, "10 came in new_ms"),
        ({"under_way": (2, 4)}, "but 1 and then rising numbers are expected"),
        ({"under_way": (1, 4, 2)}, "but 1 and then rising numbers are expected"),
        ({"answer_slower": (0.5, 1.0)}, "0.5 came in answer_slower, but numbers of 1 and more"),
        ({"answer_slower": (1.0, 1.0)}, "(1, 2) factors came, but 1 of each stage are expected"),
        ({"cores": 0}, "cores is 0, but a whole number of 1 and more"),
    ],
)
def test_times_that_cannot_be_are_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(StageTimesError) as refused:
        replace(CONSTANT, **change)
    assert words in str(refused.value)


def stages_file(folder: Path, stage_times: StageTimes = CONSTANT) -> Path:
    content = {"format": 1, "scenario": asdict(SCENARIO), "times": asdict(stage_times)}
    (folder / FILE).write_text(json.dumps(content), "utf-8")
    return folder / FILE


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not the stages.json that"),
        ("[]", "is not the stages.json that"),
        ('{"format": 7}', "has the format 7, but 1 is expected: measure again"),
        ('{"format": 1, "scenario": {"name": "x"}, "times": {}}', "is not the stages.json that"),
        ('{"format": 1, "scenario": {"name": "x", "chinese_ratio": 2}, "times": {}}', "chinese_ratio is 2"),
    ],
)
def test_a_file_that_holds_no_times_is_refused(tmp_path: Path, text: str, words: str) -> None:
    (tmp_path / FILE).write_text(text, "utf-8")
    with pytest.raises(StagesError) as refused:
        read_stages(tmp_path / FILE)
    assert words in str(refused.value)
    with pytest.raises(StagesError, match="cannot read"):
        read_stages(tmp_path / "none")


def write_run(folder: Path, latency_ms: float, *, code: str = "OK", count: int = 50) -> None:
    """Write the folder of a run whose answers all took `latency_ms`."""
    folder.mkdir()
    settings = RunSettings(
        "localhost:8001", SCENARIO, ArrivalProfile("poisson", 20, 5), 0, None, 1, 1.0, 10.0, 100, 3, None, "", None
    )
    write_settings(folder, settings)
    with SampleFile(folder / "samples-0.bin") as samples:
        for number in range(count):
            samples.add(number / 10, 0.0, latency_ms / 1000, "ask", code)
    write_run_report(folder, Run(settings, 5.0, None, "", {}))


def test_stages_are_what_the_runs_took(tmp_path: Path) -> None:
    asked = []

    def load(folder: Path, arguments: list[str], durations: float) -> None:
        scenario = read_scenario(Path(arguments[1]))
        asked.append((scenario.repeat_photo_ratio, durations, *arguments[2:]))
        callers = int(arguments[3]) if arguments[2] == "--closed" else 1
        write_run(folder, (10.0 if scenario.repeat_photo_ratio else 30.0) * callers)

    measured = measure_stages(tmp_path, SCENARIO, 2, load)
    assert measured.known_ms[0] == pytest.approx(10)
    assert measured.new_ms[0] == pytest.approx(30)
    assert measured.answer_slower == pytest.approx([1, 2, 4, 8, 16])
    assert measured.features_slower == pytest.approx([1, 2, 4, 8, 16])
    assert asked[4] == (1.0, 3, "--arrivals", "constant", "--rate", "16.667"), "a third of the time is busy"
    assert read_stages(tmp_path / FILE) == (SCENARIO, measured)


def test_times_of_a_server_that_fails_are_not_taken(tmp_path: Path) -> None:
    with pytest.raises(StagesError, match=r"known-2 .*UNAVAILABLE.* an answer to each question is expected"):
        measure_stages(tmp_path, SCENARIO, 2, lambda folder, *_: write_run(folder, 10.0, code="UNAVAILABLE"))


def options(tmp_path: Path, **more: Any) -> SimulateOptions:
    return SimulateOptions(
        stages=stages_file(tmp_path, StageTimes(2, (8.0, 9.0), (15.0, 18.0), (1, 2, 4), (1.0, 1.5, 3), (1.0, 1.2, 2))),
        slo=ROOT / "loadtest" / "slo.yaml",
        output=tmp_path / "scaling",
        duration=6.0,
        warm_up=1.0,
        **more,
    )


def test_the_command_finds_the_knee_of_each_number_of_servers(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert perform(options(tmp_path, servers=(1, 4))) == 0
    rows = json.loads((tmp_path / "scaling" / "scaling.json").read_text("utf-8"))["rows"]
    assert [(row["servers"], row["dispatch"]) for row in rows] == [
        (servers, dispatch) for dispatch in ("round_robin", "affinity") for servers in (1, 4)
    ]
    assert rows[0]["highest_rate_per_s"] == rows[2]["highest_rate_per_s"], "one server leaves nothing to choose"
    assert rows[3]["calm"]["cache_hit_ratio"] > rows[1]["calm"]["cache_hit_ratio"]
    assert 3.5 < rows[3]["highest_rate_per_s"] / rows[0]["highest_rate_per_s"] < 4.5
    assert (tmp_path / "scaling" / "scaling.png").read_bytes().startswith(b"\x89PNG")
    assert len(capsys.readouterr().out.splitlines()) == 6


def test_a_search_that_was_measured_is_shown_beside_the_prediction(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "knee").mkdir()
    write_run(tmp_path / "knee" / "rate-20.000", 12.3)
    (tmp_path / "knee" / "knee.json").write_text('{"highest_rate_per_s": 77.7}', "utf-8")
    assert perform(options(tmp_path, servers=(1,), check=(tmp_path / "knee",))) == 0
    _, row, knees = capsys.readouterr().out.splitlines()
    rate, p50_measured, p50_predicted = (float(word) for word in row.split()[:3])
    assert (rate, p50_measured) == (20.0, 12.3)
    assert 8 <= p50_predicted <= 10, "a known photo's question alone"
    assert knees.startswith("knee: measured 77.7/s, predicted ")
    rows = json.loads((tmp_path / "scaling" / "check.json").read_text("utf-8"))["rows"]
    assert rows[0]["measured_ms"]["p50"] == pytest.approx(12.3)
    assert rows[1]["measured_knee_per_s"] == 77.7
