"""Load tests that end before their time: by Ctrl-C, a server that dies, or a worker that is killed."""

import json
import os
import select
import signal
import subprocess
from pathlib import Path

import psutil
import pytest

from tests.helpers.loadtest_command import MODULE, ROOT, Started, run_command


def wait_until_told(server: subprocess.Popen) -> None:
    """Wait until as many requests have come as the server was asked to tell of."""
    assert server.stdout
    assert select.select([server.stdout], [], [], 60)[0], "the generator sends"
    assert "requests have come" in server.stdout.readline()


def test_a_worker_that_is_killed_is_told(fake_server: Started, tmp_path: Path) -> None:
    url, server = fake_server("--told-at", "40")
    running = subprocess.Popen(
        run_command(tmp_path / "run", url, "--duration", "8", "--rate", "30", "--workers", "2"),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    wait_until_told(server)
    [worker] = [
        one for one in psutil.Process(running.pid).children() if "1" in one.cmdline()[one.cmdline().index("--index") :]
    ]
    worker.kill()
    _, errors = running.communicate(timeout=90)
    assert running.returncode == 1, errors
    notes = " ".join(json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))["notes"])
    assert "worker 1 ended before the run did" in notes


def test_a_server_that_dies_is_reported_as_such(fake_server: Started, tmp_path: Path) -> None:
    url, server = fake_server("--told-at", "30")
    running = subprocess.Popen(
        run_command(tmp_path / "run", url, "--duration", "5", "--rate", "30", "--timeout", "1"),
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until_told(server)
    server.kill()
    _, errors = running.communicate(timeout=60)
    content = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert running.returncode == 1
    assert "no longer answered at the end of the run" in " ".join(content["notes"])
    assert set(content["figures"]["codes"]) & {"UNAVAILABLE", "DEADLINE_EXCEEDED"}
    assert "Traceback" not in errors


@pytest.mark.parametrize(
    ("workers", "warm_up"), [("2", "0"), ("1", "50"), pytest.param("1", "0", marks=pytest.mark.night)]
)
def test_ctrl_c_reports_what_there_is(fake_server: Started, tmp_path: Path, workers: str, warm_up: str) -> None:
    url, server = fake_server("--slow-every", "10", "--stall", "60", "--told-at", "60")
    arguments = ("--duration", "60", "--rate", "30", "--workers", workers, "--warm-up", warm_up, "--timeout", "60")
    running = subprocess.Popen(
        run_command(tmp_path / "run", url, *arguments),
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    wait_until_told(server)
    os.killpg(running.pid, signal.SIGINT)  # as a terminal does, to all of them
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    content = json.loads((tmp_path / "run" / "report.json").read_text("utf-8"))
    assert content["figures"]["requests"] > 20
    assert content["figures"]["codes"]["CANCELLED"] > 1, "what was under way is not forgotten"
    notes = " ".join(content["notes"])
    assert "interrupted after" in notes
    assert ("interrupted during the warm-up" in notes) == (warm_up == "50")
    assert "Traceback" not in errors


def test_ctrl_c_keeps_what_a_search_has_found(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    (tmp_path / "slo.yaml").write_text("p50_ms: 5000\n", "utf-8")
    running = subprocess.Popen(
        [*MODULE, "knee", "--url", url, "--output", str(tmp_path / "knee"), "--slo", str(tmp_path / "slo.yaml"),
         "--start", "5", "--duration", "4", "--warm-up", "0", "--photo-count", "2"],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stdout
    assert "kept" in running.stdout.readline()
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=90)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    found = json.loads((tmp_path / "knee" / "knee.json").read_text("utf-8"))
    assert found["highest_rate_per_s"] == 5
    assert (tmp_path / "knee" / "knee.html").exists()
