"""Load tests that cannot begin say so at once, and what to do."""

import subprocess
import time
from pathlib import Path

import pytest

from tests.helpers.loadtest_command import MODULE, ROOT, Started, run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--seed", "-1"), "--seed is -1"),
        (("--closed", "2", "--rate", "5"), "--closed has no schedule"),
        (("--repository", "r", "--metrics-url", "http://a/metrics"), "--repository serves here"),
        (("--rate", "0"), "the rate is 0"),
        (("--rate", "1e9"), "requests are asked for"),
        (("--scenario", "lissting"), "there is no scenario 'lissting'"),
        (("--warm-up", "60"), "the warm-up of 60 s must be shorter than the 60 s"),
        (("--photos", "/nothere"), "there is no folder /nothere"),
        (("--workers", "0"), "--workers is 0"),
        (("--arrivals", "spike"), "spike needs a peak"),
    ],
)
def test_what_cannot_be_is_refused_at_once(tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    done, _ = run(tmp_path / "run", "127.0.0.1:1", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_a_server_that_is_not_there_ends_it_at_once(tmp_path: Path) -> None:
    start_s = time.monotonic()
    done, content = run(tmp_path / "run", "127.0.0.1:1", "--duration", "60")
    assert done.returncode == 1
    assert "no server at 127.0.0.1:1" in done.stderr
    assert "Traceback" not in done.stderr
    assert not content
    assert time.monotonic() - start_s < 30


def test_metrics_that_are_not_there_end_it_at_once(fake_server: Started, tmp_path: Path) -> None:
    url, _ = fake_server()
    done, content = run(tmp_path / "run", url, "--duration", "60", "--metrics-url", "http://127.0.0.1:1/metrics")
    assert done.returncode == 1
    assert "no metrics at http://127.0.0.1:1/metrics" in done.stderr
    assert not content


def test_where_nothing_can_be_served_the_command_says_what_to_do(tmp_path: Path) -> None:
    """The load test's own image has no `serving`."""
    for name in ("catalogue", "command_line", "loadtest", "measuring"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "manifest.json").write_text("{}")
    command = [*MODULE, "run", "--repository", str(tmp_path), "--output", str(tmp_path / "run")]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2
    assert "name it with --url" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), "Example: python -m loadtest run"),
        (("run",), "Requests a second"),
        (("knee",), "Example: python -m loadtest knee --slo"),
        (("gate",), "an objective is broken"),
        (("compare",), "come by chance"),
    ],
)
def test_help_teaches(command: tuple[str, ...], words: str) -> None:
    done = subprocess.run([*MODULE, *command, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert words in " ".join(done.stdout.split())
