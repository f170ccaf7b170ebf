"""Exit status 2 says that what was asked for cannot be, 1 that the work failed: of every command line."""

import json
import runpy
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from serving.supervision.signals import ENDING
from tests.helpers.usage_errors import USAGE

ROOT = Path(__file__).parent.parent
NOT_FOR_PEOPLE = {
    "client/src/vitrine_client/cli.py": "tests/client/test_cli.py has it",
    "serving/supervision/with_parent.py": "started by the server, with arguments that no person writes",
    "loadtest/fake_server.py": "started by tests",
    "benchmarks/peers/__main__.py": "started by the benchmarks",
    "benchmarks/peers/rapidocr_peer.py": "started by the benchmarks",
    "vitrine_steps/photo/decoder_process.py": "started by the photo step",
    "deploy/supply/lock.py": "takes no arguments",
    "docs/generate/terminal_picture.py": "takes no arguments",
    "deploy/supply/sbom.py": "started by make",
    "deploy/supply/audit.py": "its 2 is older: pip-audit itself failed",
}
OWN_PROCESS = ("loadtest",)
"""Locust changes Python's own modules as soon as it is imported."""


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    before = [signal.getsignal(number) for number in ENDING]
    yield
    for number, handler in zip(ENDING, before, strict=True):
        signal.signal(number, handler)


def ended(capfd: pytest.CaptureFixture[str], module: str, *arguments: str) -> tuple[int, str]:
    """Exit status, and what stands on standard error."""
    if module in OWN_PROCESS:
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
        return done.returncode, done.stderr
    with patch("sys.argv", [module, *arguments]), pytest.raises(SystemExit) as caught:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    assert isinstance(caught.value.code, int), caught.value.code
    return caught.value.code, capfd.readouterr().err


@pytest.fixture(scope="module")
def places(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What the cases name in braces."""
    folder = tmp_path_factory.mktemp("places")
    found = {name: folder / name for name in ("none", "empty", "broken", "old", "filled", "file", "log", "slo")}
    found |= {"good": repository, "checkpoint": ROOT / "checkpoints" / "vitrine-small"}
    for name in ("empty", "broken", "old", "filled"):
        found[name].mkdir()
    (found["broken"] / "manifest.json").write_text("{", "utf-8")
    (found["old"] / "manifest.json").write_text('{"sha256": {}}', "utf-8")
    (found["filled"] / "mine.txt").touch()
    found["file"].write_text("a line\n", "utf-8")
    found["slo"].write_text("p99_ms: 100\n", "utf-8")
    for name, mode, key in (("open_key", 0o644, "k" * 64), ("short_key", 0o600, "short")):
        found[name] = folder / name
        found[name].write_text(key, "utf-8")
        found[name].chmod(mode)
    for name, file, content in (
        ("changed", "question_preprocess/1/model.py", "pass\n"),
        ("odd_settings", "vitrine.json", "[]"),
        ("old_settings", "vitrine.json", "{}"),
        ("odd_calibration", "calibration.json", "{}"),
    ):
        found[name] = folder / name
        shutil.copytree(repository if name == "changed" else found["checkpoint"], found[name])
        (found[name] / file).write_text(content, "utf-8")
    assert json.loads((found["good"] / "manifest.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(("module", "arguments", "words"), USAGE, ids=lambda value: str(value)[:60])
def test_what_cannot_be_asked_for_ends_with_2(
    module: str, arguments: str, words: str, places: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    new = tmp_path / "new"
    status, said = ended(capfd, module, *(word.format(**places, new=new) for word in arguments.split()))
    assert words in said
    assert status == 2, said
    assert "Traceback" not in said
    assert not new.exists() or not any(new.iterdir()), "nothing was begun"


@pytest.mark.parametrize("module", sorted({module for module, _, _ in USAGE}))
def test_an_unknown_option_ends_with_2(module: str, capfd: pytest.CaptureFixture[str]) -> None:
    status, said = ended(capfd, module, "--no-such-option")
    assert status == 2
    assert "usage: " in said


FAILURES: list[tuple[str, str, str]] = [
    ("serving.health", "http://127.0.0.1:1/health", "no supervisor at http://127.0.0.1:1/health"),
    ("serving", "{good} --grpc-port 0 --no-metrics --log-file {log} --ready-timeout 0.01", "did not answer a question"),
    ("evaluation", "{good} --output {new} --questions 1 --url 127.0.0.1:1", "127.0.0.1:1"),
    ("loadtest", "run --output {new} --rate 1 --url 127.0.0.1:1", "no server at 127.0.0.1:1"),
    ("serving.container", "{good} --grpc-port 0 --metrics-port 0", "cannot start tritonserver"),
]  # fmt: skip


@pytest.mark.parametrize(("module", "arguments", "words"), FAILURES, ids=lambda value: str(value)[:60])
def test_work_that_fails_ends_with_1(
    module: str, arguments: str, words: str, places: dict[str, Path], tmp_path: Path
) -> None:
    given = (word.format(**places, new=tmp_path / "new") for word in arguments.split())
    command = [sys.executable, "-m", module, *given]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert "Traceback" not in done.stderr + done.stdout
    assert words in done.stderr + done.stdout
    assert done.returncode == 1, done.stderr


def test_every_command_line_is_in_the_table() -> None:
    tracked = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, capture_output=True, text=True, check=True)
    programs = {
        name
        for name in tracked.stdout.split()
        if not name.startswith("tests/") and '\nif __name__ == "__main__":' in (ROOT / name).read_text("utf-8")
    }
    tried = {module for module, _, _ in USAGE}
    modules = {
        name.removesuffix(".py").removesuffix("/__main__").replace("/", ".") for name in programs - set(NOT_FOR_PEOPLE)
    }
    assert modules == tried
    assert set(NOT_FOR_PEOPLE) <= programs
