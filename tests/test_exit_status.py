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

ROOT = Path(__file__).parent.parent
NOT_FOR_PEOPLE = {
    "client/src/vitrine_client/cli.py": "tests/client/test_cli.py has it",
    "serving/supervision/with_parent.py": "started by the server, with arguments that no person writes",
    "loadtest/fake_server.py": "started by tests",
    "benchmarks/peers/__main__.py": "started by the benchmarks",
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


USAGE: list[tuple[str, str, str]] = [
    ("serving", "{none}", "is not a folder that exists"),
    ("serving", "{empty}", "has no manifest.json: name a repository that `python -m builders"),
    ("serving", "{broken}", "is broken"),
    ("serving", "{old}", "has no format number, but format 1 is expected: it was built by another version"),
    ("serving", "{good} --cache-mib 0", "'0' came, but a whole number, at least 1"),
    ("serving", "{good} --grpc-port 70000", "--grpc-port: cannot listen on"),
    ("serving", "{good} --grpc-port high", "--grpc-port"),
    ("serving", "{good} --grpc-port 0 --no-metrics --host no.such.host.invalid", "--host: an IPv4 address"),
    ("serving", "{good} --host 0.0.0.0 --open-administration", "is for this machine only"),
    ("serving", "{good} --ready-timeout 0", "--ready-timeout is 0"),
    ("serving", "{good} --admin-key-file {none}", "cannot read the key of administration"),
    ("serving", "{good} --admin-key-file {open_key}", "others may read or change the key of administration"),
    ("serving", "{good} --admin-key-file {short_key}", "at least 20 letters"),
    ("serving", "{good} --grpc-port 0 --no-metrics --log-file {none}/log", "cannot write the log"),
    ("serving", "{good} --grpc-port 0 --no-metrics --log-file {good}/log", "would be in the repository"),
    ("serving", "{good} --grpc-port 0 --no-metrics --log-file {log} --trace-url collector", "the address for spans"),
    ("serving", "{good} --grpc-port 0 --no-metrics --ready-file {none}/ready.json", "--ready-file: cannot write"),
    ("serving", "{changed} --grpc-port 0 --no-metrics --log-file {log}", "is not what was built"),
    ("serving.demo", "{none}", "is not a folder that exists"),
    ("serving.container", "{none}", "is not a folder that exists"),
    ("serving.container", "{good} --cache-mib none", "a whole number, at least 1"),
    ("serving.container", "{good} --tls-folder {empty}", "has no server.crt"),
    ("serving.health", "localhost:8002", "an address such as http://localhost:8002/health"),
    ("builders", "--checkpoint {none} --output {new}", "so it is of the hub, where names move"),
    ("builders", "--checkpoint {empty} --output {new}", "has no config.json"),
    ("builders", "--checkpoint {empty} --output {empty}", "exists; a built repository is never changed"),
    ("builders", "--checkpoint {empty} --output {new} --alternatives 0", "--alternatives is 0"),
    ("builders", "--checkpoint {empty} --output {new} --batch-opt 3 --batch-max 2", "--batch-opt is 3, but must be"),
    ("builders", "--checkpoint {empty} --output {new} --rules {none}", "there is no such file"),
    ("builders", "--checkpoint {empty} --output {new} --precision fp16", "it takes fp32 or auto"),
    ("builders", "--checkpoint {checkpoint} --output {file}/new", "cannot write to"),
    ("builders", "--checkpoint {checkpoint} --output {new} --question-tokens 1000", "this checkpoint takes 2 to 64"),
    ("builders", "--checkpoint {odd_settings} --output {new}", "vitrine.json is not a JSON object"),
    ("builders", "--checkpoint {old_settings} --output {new}", "vitrine.json has no format number, but format 1"),
    ("builders", "--checkpoint {odd_calibration} --output {new}", "calibration.json has no format number"),
    ("builders.calibration", "{none} --checkpoint {checkpoint} --output {new}", "is no built repository"),
    ("builders.calibration", "{good} --checkpoint {empty} --output {new}", "has no config.json"),
    ("builders.calibration", "{good} --checkpoint {checkpoint} --output {none}/new", "there is no folder"),
    ("builders.calibration", "{good} --checkpoint {checkpoint} --output {new} --photos 0", "at least 1"),
    ("builders.calibration", "{good} --checkpoint {checkpoint} --output {new} --risk 2", "one of 0.001"),
    ("builders.calibration", "{good} --checkpoint {checkpoint} --output {new} --data {none}", "cannot read"),
    ("builders.calibration", "{good} --checkpoint {checkpoint} --output {new} --data {file}", "line 1: "),
    ("evaluation", "nosuch --output {new}", "name a repository that `python -m builders --checkpoint"),
    ("evaluation", "{good} --output {new} --questions 0", "'0' came, but a whole number, at least 1"),
    ("evaluation", "{good} --output {new} --threads 0", "at least 1"),
    ("evaluation", "{good} --output {new} --data {none}", "cannot read"),
    ("evaluation", "{good} --output {new} --data {file}", "line 1: "),
    ("evaluation", "{good} --output {new} --data {file} --vqa-v2 a b c", "two sources"),
    ("evaluation", "{good} --output {new} --vqa-v2 {none} {none} {empty}", "cannot read"),
    ("evaluation", "{good} --output {new} --ood-photos {none}", "is not a folder that exists"),
    ("evaluation", "{good} --output {new} --reference 5 --checkpoint {none}", "--checkpoint"),
    ("evaluation", "{good} --output {file}", "name another folder"),
    ("evaluation", "{good} --output {filled}", "is not empty and no evaluation"),
    ("evaluation", "{good} --output {new} --questions 1 --url http://x", "without a scheme"),
    ("evaluation.compare", "{none} {none}", "not a finished evaluation"),
    ("loadtest", "run --output {new} --repository {none}", "has no manifest.json"),
    ("loadtest", "run --output {filled} --rate 1", "is not empty"),
    ("loadtest", "run --output {new} --rate -1", "a number above 0"),
    ("loadtest", "run --output {new} --web 0", "--web is 0"),
    ("loadtest", "run --output {new} --slo-ms nan", "--slo-ms is nan"),
    ("loadtest", "run --output {new} --photos {none}", "there is no folder"),
    ("loadtest", "run --output {new} --scenario {none}", "there is no scenario"),
    ("loadtest", "run --output {new} --metrics-url localhost", "an address such as http://localhost:8002/metrics"),
    ("loadtest", "run --output {new} --url http://x", "--url"),
    ("loadtest", "knee --output {new} --slo {none}", "cannot read"),
    ("loadtest", "gate {none} --slo {slo}", "holds no report"),
    ("loadtest", "compare {none} {none}", "holds no report"),
    ("checks.fuzz", "{none}", "is not a folder that exists"),
    ("checks.fuzz", "{good} --count 0", "at least 1"),
    ("checks.fuzz", "{good} --count 1 --output {file}", "cannot make the folder"),
    ("checks.fuzz.corpora", "{good} {none}", "is not a folder that exists"),
    ("checks.fuzz.corpora", "{good} {empty}", "no file in these folders"),
    ("checks.fuzz.guided", "photo {none}", "is not a folder that exists"),
    ("checks.fuzz.guided", "photo {good} --seconds 0", "at least 1"),
    ("checks.soak", "{none}", "is not a folder that exists"),
    ("checks.soak", "{good} --duration 0", "a number above 0"),
    ("checks.soak", "{good} --callers 0", "at least 1"),
    ("checks.soak", "{good} --output {file}", "cannot make the folder"),
    ("training", "{new} --photos 0", "must be at least 1"),
    ("training", "{new} --from {none}", "has no config.json"),
    ("training", "{file}", "is a file"),
    ("catalogue", "{filled}", "is not empty"),
    ("catalogue", "{file}", "is a file"),
    ("catalogue", "{new} --photos 0", "must be at least 1"),
    ("benchmarks", "--rounds 0", "at least 1"),
    ("benchmarks", "--output {file}", "cannot make the folder"),
    ("benchmarks", "--docs {none}", "is not a folder that exists"),
    ("benchmarks.peak", "{none} --checkpoint {checkpoint}", "is not a folder that exists"),
    ("benchmarks.peak", "{good} --checkpoint {empty}", "has no config.json"),
    ("benchmarks.agreement", "{good} --perf-analyzer {none}", "is not a program"),
    ("benchmarks.decoding", "--checkpoint {empty}", "has no config.json"),
    ("benchmarks.decoding", "--runs 0", "at least 1"),
    ("benchmarks.engines", "{none} --checkpoint {checkpoint}", "has no manifest.json"),
    ("benchmarks.engines", "{good} --checkpoint {empty}", "has no config.json"),
    ("benchmarks.overload", "{good} --times 0", "a number above 0"),
    ("benchmarks.overload", "{none}", "is not a folder that exists"),
    ("benchmarks.outage", "{none}", "is not a folder that exists"),
    ("benchmarks.outage", "{good} --kills 0", "'0' came, but a whole number, at least 1"),
    ("benchmarks.door", "{none}", "is not a folder that exists"),
    ("benchmarks.door", "{good} --calls 99", "'99' came, but a whole number, at least 100"),
    ("evaluation.colour_spaces", "{none}", "is not a folder that exists"),
    ("evaluation.colour_spaces", "{good} --photos 0", "'0' came, but a whole number, at least 1"),
    ("serving.door.gateway", "--server vitrine", "vitrine"),
    ("serving.door.gateway", "--rate-per-s 0", "--rate-per-s"),
    ("benchmarks.one_question", "{none}", "is not a folder that exists"),
    ("benchmarks.one_question", "{good} --photos 1", "--photos must be at least 2"),
    ("checks.gpu", "--dry-run --checkpoint {none}", "has no config.json"),
]  # fmt: skip


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
