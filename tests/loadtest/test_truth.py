"""The generator as its users run it, against a server that answers at once, late, or with what nobody can read."""

import json
import subprocess
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

from loadtest.samples import CODES, read_samples
from serving.triton.ports import free_port
from tests.helpers.loadtest_command import MODULE, ROOT, Started, run, run_command


def test_an_open_loop_shows_a_stall_and_a_closed_one_hides_it(fake_server: Started, tmp_path: Path) -> None:
    """One stall of 2 s in 6: a third of what was due met it; of what a closed loop sends, one request did."""
    url, _ = fake_server("--stall-after", "100", "--stall", "2")
    done, open_loop = run(tmp_path / "open", url, "--rate", "50", "--arrivals", "constant", "--duration", "6")
    assert done.returncode == 0, done.stderr
    url, _ = fake_server("--stall-after", "100", "--stall", "2")
    done, closed_loop = run(tmp_path / "closed", url, "--closed", "1", "--duration", "6")
    assert done.returncode == 0, done.stderr
    told, hidden = (content["figures"]["latency_ms"]["all"] for content in (open_loop, closed_loop))
    assert told["p90"] > 1000
    assert told["p99"] > 1800
    assert hidden["p99"] < 200
    assert hidden["max"] > 1800, "the one request that met it"
    assert (open_loop["loop"], closed_loop["loop"]) == ("open", "closed")
    assert "closed loop" in (tmp_path / "closed" / "report.html").read_text("utf-8").lower()
    assert open_loop["figures"]["requests"] == 300


def test_slow_answers_lengthen_no_others(fake_server: Started, tmp_path: Path) -> None:
    """One in 10 takes 2 s, so that 20 are under way at any time: more than some pool of waiting threads would hold."""
    url, _ = fake_server("--slow-every", "10", "--stall", "2")
    done, content = run(tmp_path / "run", url, "--rate", "100", "--arrivals", "constant", "--duration", "6")
    assert done.returncode == 0, done.stderr
    latencies = content["figures"]["latency_ms"]["all"]
    assert latencies["p50"] < 200
    assert latencies["p95"] > 1900


def test_workers_send_the_schedule_together_and_the_same_each_time(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    arguments = ("--rate", "60", "--duration", "3", "--seed", "7", "--scenario", "listing")
    runs = []
    for name, workers in (("one", "1"), ("two", "2"), ("again", "2")):
        done, content = run(tmp_path / name, url, *arguments, "--workers", workers)
        assert done.returncode == 0, done.stderr
        samples = read_samples(tmp_path / name)
        assert (samples["code"] == CODES.index("OK")).all()
        runs.append((samples["intended_s"].tolist(), samples["kind"].tolist(), content["data_sha256"]))
    assert runs[0] == runs[1] == runs[2]
    done = subprocess.run(
        [*MODULE, "compare", str(tmp_path / "two"), str(tmp_path / "again")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "not the same test" not in done.stdout


def test_the_gate_opens_and_shuts(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    run(tmp_path / "run", url, "--rate", "20", "--duration", "2", "--arrivals", "constant")
    for limit, status, words in (("1000", 0, "all objectives are kept"), ("0.001", 1, "broken: p99 is ")):
        (tmp_path / "slo.yaml").write_text(f"p99_ms: {limit}\nmax_error_ratio: 0\n", "utf-8")
        done = subprocess.run(
            [*MODULE, "gate", str(tmp_path / "run"), "--slo", str(tmp_path / "slo.yaml")],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, words in done.stdout) == (status, True), done.stdout + done.stderr


def test_the_gate_lets_no_half_run_and_no_closed_loop_pass(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    run(tmp_path / "run", url, "--closed", "1", "--duration", "2")
    file = tmp_path / "run" / "report.json"
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), "is_whole": False}), "utf-8")
    for objective, reasons in (
        ("p99_ms: 1000", ("interrupted", "closed loop")),
        ("max_error_ratio: 0", ("interrupted",)),
    ):
        (tmp_path / "slo.yaml").write_text(objective + "\n", "utf-8")
        done = subprocess.run(
            [*MODULE, "gate", str(tmp_path / "run"), "--slo", str(tmp_path / "slo.yaml")],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1
        broken = [line for line in done.stdout.splitlines() if line.startswith("broken: ")]
        assert len(broken) == len(reasons)
        assert all(reason in line for reason, line in zip(reasons, broken, strict=True))


@pytest.mark.night
def test_the_knee_is_searched_with_real_runs(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    (tmp_path / "slo.yaml").write_text("p50_ms: 0.001\n", "utf-8")
    done = subprocess.run(
        [*MODULE, "knee", "--url", url, "--output", str(tmp_path / "knee"), "--slo", str(tmp_path / "slo.yaml"),
         "--start", "64", "--duration", "1", "--warm-up", "0", "--photo-count", "2"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 1, "no server answers in a microsecond"
    assert "none that was tried" in done.stdout
    assert (tmp_path / "knee" / "knee.html").exists()


@pytest.mark.night
def test_what_a_generator_could_not_send_is_told(fake_server: Started, tmp_path: Path) -> None:
    """It falls behind by more than the time that it gets after the end: the rest was due, and not sent."""
    url, _ = fake_server()
    arguments = ("--rate", "20000", "--duration", "4", "--timeout", "1", "--arrivals", "constant")
    done, content = run(tmp_path / "run", url, *arguments)
    assert done.returncode == 0, done.stderr
    figures = content["figures"]
    assert figures["asked_rate_per_s"] == pytest.approx(20_000, rel=0.001)
    assert figures["not_sent"] > 1000
    assert figures["achieved_rate_per_s"] < 10_000
    assert "never sent" in " ".join(content["notes"])


def test_the_report_says_what_the_first_error_of_each_code_was(fake_server: Started, tmp_path: Path) -> None:
    """Answers without tensors break the client itself: such a bug is named with its line, from any worker."""
    url, _ = fake_server("--broken-every", "10")
    arguments = ("--rate", "50", "--duration", "3", "--workers", "2")
    done, content = run(tmp_path / "run", url, *arguments)
    assert done.returncode == 0, done.stderr
    assert list(content["first_messages"]) == ["UNKNOWN"]
    message = content["first_messages"]["UNKNOWN"]
    assert "TypeError" in message
    assert "calls.py:" in message
    assert f"first UNKNOWN: {message}" in done.stdout
    assert "calls.py:" in (tmp_path / "run" / "report.html").read_text("utf-8")


def test_the_page_shows_how_it_goes(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    port = free_port()
    running = subprocess.Popen(
        run_command(tmp_path / "run", url, "--duration", "8", "--rate", "40", "--web", str(port)),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    asked, page = 0, b""
    while running.poll() is None and asked < 40:
        time.sleep(0.2)
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/") as answer:
            page = answer.read()
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/stats/requests") as answer:
            asked = max(asked, *(row["num_requests"] for row in json.load(answer)["stats"]))
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 0, errors
    assert asked >= 40
    assert b"<title>Locust</title>" in page
