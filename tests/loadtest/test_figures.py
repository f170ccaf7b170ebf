"""Figures from raw samples: right, and honest about what went wrong."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from loadtest.compare import changes, comparison
from loadtest.figures import Window, figures_of
from loadtest.knee import highest_kept, knee
from loadtest.report import read_report
from loadtest.samples import SAMPLE, SampleFile, read_samples
from loadtest.slo import Slo, SloError, read_slo


def recorded(folder: Path, rows: list[tuple]) -> np.ndarray:
    with SampleFile(folder / "samples-0.bin") as file:
        for row in rows:
            file.add(*row)
    return read_samples(folder)


def test_percentiles_are_those_of_the_raw_samples(tmp_path: Path) -> None:
    samples = recorded(tmp_path, [(i / 100, 0.0, i / 1000, "ask", "OK", "answered") for i in range(1, 1001)])
    figures = figures_of(samples, Window(0, 10.01), slo_ms=500, generator_cpu=[0.2])
    latency = figures["latency_ms"]["all"]
    assert latency["p50"] == pytest.approx(500.5, abs=0.01)
    assert latency["p99"] == pytest.approx(990, abs=0.5)
    assert latency["max"] == pytest.approx(1000, abs=0.01)
    assert figures["goodput_per_s"] == pytest.approx(500 / 10.01, abs=0.2)
    assert figures["verdicts"] == {"answered": 1000}
    assert figures["generator"]["doubts"] == []


def test_a_million_samples_take_no_memory(tmp_path: Path) -> None:
    with SampleFile(tmp_path / "samples-0.bin") as file:
        tracemalloc.start()
        try:
            for number in range(1_000_000):
                file.add(number / 1000, 0.0, 0.001, "ask", "OK", "answered")
            _, most_bytes = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert most_bytes < 2**20
    assert len(read_samples(tmp_path)) == 1_000_000


def test_warm_up_is_left_out_and_said_so(tmp_path: Path) -> None:
    samples = recorded(tmp_path, [(i, 0.0, 9.0 if i < 3 else 0.1, "ask", "OK") for i in range(10)])
    figures = figures_of(samples, Window(3, 10), slo_ms=None, generator_cpu=[])
    assert (figures["requests"], figures["warm_up_requests_left_out"]) == (7, 3)
    assert figures["latency_ms"]["all"]["max"] == pytest.approx(100, abs=0.1)


def test_errors_are_counted_in_and_right_refusals_are_no_errors(tmp_path: Path) -> None:
    rows = [
        (0.0, 0.0, 0.01, "ask", "OK", "answered"),
        (0.1, 0.0, 5.0, "ask", "DEADLINE_EXCEEDED"),
        (0.2, 0.0, 0.01, "invalid", "INVALID_ARGUMENT"),
        (0.3, 0.0, 0.01, "invalid", "OK"),
        (0.4, 0.0, 0.0, "ask", "NOT_SENT"),
        (0.5, 0.0, 0.01, "embed", "A_NEW_CODE"),
    ]
    figures = figures_of(recorded(tmp_path, rows), Window(0, 1), slo_ms=None, generator_cpu=[0.95])
    assert figures["error_ratio"] == pytest.approx(4 / 6)
    assert figures["codes"]["UNKNOWN"] == figures["not_sent"] == 1
    assert figures["latency_ms"]["ask"]["max"] == pytest.approx(5000)
    assert figures["latency_ms"]["ask"]["count"] == 2, "what was not sent has no latency"
    doubts = " ".join(figures["generator"]["doubts"])
    assert "never sent" in doubts
    assert "used 95% of its core" in doubts


def test_a_generator_that_is_late_is_not_to_be_trusted(tmp_path: Path) -> None:
    samples = recorded(tmp_path, [(i / 100, 0.02, 0.03, "ask", "OK") for i in range(100)])
    assert "20.0 ms late" in figures_of(samples, Window(0, 1), slo_ms=None, generator_cpu=[])["generator"]["doubts"][0]


def test_samples_of_all_workers_come_by_intended_time(tmp_path: Path) -> None:
    for worker in range(2):
        with SampleFile(tmp_path / f"samples-{worker}.bin") as file:
            for number in range(5000):
                file.add(2 * number + worker, 0, 0, "ask", "OK")
    assert read_samples(tmp_path)["intended_s"].tolist() == list(range(10_000))
    assert (tmp_path / "samples-0.bin").stat().st_size == 5000 * SAMPLE.itemsize


def test_an_empty_run_has_figures_too(tmp_path: Path) -> None:
    figures = figures_of(read_samples(tmp_path), Window(0, 1), slo_ms=None, generator_cpu=[])
    assert figures["requests"] == 0
    assert Slo(p99_ms=10).broken(figures) == ["p99 is unknown, more than 10 ms", "no request was measured"]


def test_a_broken_objective_says_by_how_much(tmp_path: Path) -> None:
    rows = [(i / 100, 0.0, 0.3, "ask", "OK" if i % 10 else "UNAVAILABLE") for i in range(100)]
    figures = figures_of(recorded(tmp_path, rows), Window(0, 1), slo_ms=200, generator_cpu=[])
    slo = Slo(p50_ms=100, p99_ms=400, max_error_ratio=0.01, min_goodput_per_s=10, min_achieved_ratio=0.95)
    assert slo.broken(figures) == [
        "p50 is 300.0 ms, more than 100 ms",
        "10.00% failed, more than 1.00% (UNAVAILABLE 10)",
        "goodput is 0.0/s, less than 10/s",
        "63.0% of the asked rate was achieved, less than 95.0%",
    ]


def test_a_server_that_falls_behind_achieves_less_than_was_asked(tmp_path: Path) -> None:
    """Asked 20 a second, it answers 10: the n-th comes n/20 s late, none fails, and at the end half of them are due."""
    samples = recorded(tmp_path, [(i / 20, 0.0, i / 20, "ask", "OK") for i in range(200)])
    figures = figures_of(samples, Window(0, 10), slo_ms=None, generator_cpu=[])
    assert (figures["asked_rate_per_s"], figures["achieved_rate_per_s"]) == (20, 10)
    assert figures["error_ratio"] == 0
    assert Slo(min_achieved_ratio=0.98).broken(figures)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("p99_ms: 10\np98_ms: 3\n", "slo.yaml, line 2: there is no objective 'p98_ms'; there are p50_ms"),
        ("p99_ms: fast\n", "slo.yaml, line 1: p99_ms is 'fast', but a number of 0 or more"),
        ("p99_ms: -1\n", "line 1: p99_ms is '-1'"),
        ("", "lines such as `p99_ms: 200` are expected"),
        ("[", "not YAML"),
    ],
)
def test_a_bad_slo_file_is_refused_with_the_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "slo.yaml").write_text(content, "utf-8")
    with pytest.raises(SloError) as caught:
        read_slo(tmp_path / "slo.yaml")
    assert message in str(caught.value)


@pytest.mark.parametrize("limit", [0.3, 7.0, 37.0, 900.0])
def test_the_knee_is_found_to_a_tenth(limit: float) -> None:
    tried = knee(10, lambda rate: ["too slow"] if rate > limit else [])
    best = highest_kept(tried)
    assert best
    assert limit / 1.1 <= best <= limit
    assert len(tried) <= 16


def test_a_server_that_keeps_nothing_has_no_knee() -> None:
    assert highest_kept(knee(10, lambda rate: ["down"])) is None


def report(random: np.random.Generator, p50: float) -> dict:
    blocks = [
        {"p50": value, "p99": 3 * value, "achieved_rate_per_s": 20.0, "error_ratio": 0.0}
        for value in random.normal(p50, 1, 20)
    ]
    figures = {"latency_ms": {"all": {"p50": p50, "p99": 3 * p50}}, "achieved_rate_per_s": 20.0, "error_ratio": 0.0}
    return {
        "loop": "open",
        "blocks": blocks,
        "figures": figures,
        "settings": {"seed": 0, "url": "a"},
        "data_sha256": "x",
    }


def test_a_change_is_told_from_noise() -> None:
    random = np.random.default_rng(0)
    same = changes(report(random, 20), report(random, 20))
    slower = changes(report(random, 20), report(random, 25))
    assert not any(change.is_beyond_noise for change in same)
    assert [change.name for change in slower if change.is_beyond_noise] == ["p50", "p99"]
    other = {**report(random, 20), "settings": {"seed": 1, "url": "b"}}
    assert comparison(report(random, 20), other).startswith("not the same test: other seed\n")


@pytest.mark.parametrize("content", ["{}", '{"format": 2}'])
def test_a_report_of_another_format_is_refused_by_its_number(tmp_path: Path, content: str) -> None:
    (tmp_path / "report.json").write_text(content, "utf-8")
    with pytest.raises(ValueError, match=r"report.json has the format (None|2), but 1 is expected"):
        read_report(tmp_path)


def test_runs_that_are_too_short_are_not_compared() -> None:
    short = {**report(np.random.default_rng(0), 20), "blocks": []}
    with pytest.raises(ValueError, match="0 stretches"):
        changes(short, short)
    with pytest.raises(ValueError, match="an open loop and the other a closed one"):
        changes(short, {**short, "loop": "closed"})
