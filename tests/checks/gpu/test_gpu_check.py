"""The check for GPU hosts: its rules on true and false findings, and what it says where it stops."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from vitrine_client import VqaClient

from builders.options import BuildOptions
from catalogue.photos import photo_from_seed
from checks.gpu.options import GpuCheckOptions
from checks.gpu.report import FAILED, NOT_RUN, PASSED, Verdict, report_page
from checks.gpu.rtx_steps import rtx_steps
from checks.gpu.rules import cache_rule, cuda_graphs_rule, parity_rule, weights_rule
from checks.gpu.run import check_gpu
from checks.gpu.steps import Check, container_steps, run_step
from command_line.options import options_from_arguments

ROOT = Path(__file__).parents[3]
# As the TensorRT backend logs it: instance names are the model's, the group's and the device's numbers.
LOG = "".join(
    f"I1123 10:00:00.000000 1 instance_state.cc:4219] captured CUDA graph for image_encoder_0_0, batch size {batch}\n"
    for batch in (1, 2, 4, 8, 16)
)


def test_graphs_for_every_batch_pass() -> None:
    verdict = cuda_graphs_rule(LOG, ["image_encoder"], [1, 2, 4, 8, 16])
    assert (verdict.outcome, verdict.found) == (PASSED, "5 captured")


def test_a_batch_without_a_graph_is_named() -> None:
    verdict = cuda_graphs_rule(LOG.replace("batch size 4", "batch size 40"), ["image_encoder"], [1, 2, 4, 8, 16])
    assert (verdict.outcome, verdict.found) == (FAILED, "5 captured; missing: image_encoder x4")


def test_parity_and_weights_of_a_real_build(repository: Path) -> None:
    manifest = json.loads((repository / "manifest.json").read_text("utf-8"))
    assert parity_rule("loop", manifest).outcome == PASSED
    assert weights_rule("loop", manifest).outcome == PASSED
    manifest["parity"][0]["passed"] = False
    assert "out of tolerance: ENCODED_FEATURES" in parity_rule("loop", manifest).found
    manifest["engines"]["answer_decoder"]["bytes_over_weights"] = 1.98
    verdict = weights_rule("loop", manifest)
    assert verdict.outcome == FAILED
    assert "answer_decoder 1.98 times its weights" in verdict.found


def test_the_cache_rule_on_a_real_servers_metrics(server_url: str, metrics_url: str) -> None:
    def metrics() -> str:
        with urlopen(metrics_url) as answer:  # noqa: S310
            return str(answer.read().decode())

    before = metrics()
    with VqaClient(server_url) as client:
        for question in ("What is it?", "这是什么？"):
            client.ask(photo_from_seed(424242).jpeg_bytes(), question)
    verdict = cache_rule(before, metrics())
    assert (verdict.outcome, verdict.found) == (PASSED, "1 hit and 1 miss, 1 each expected")
    assert cache_rule(before, before).outcome == FAILED


def check_in(folder: Path) -> Check:
    return Check(ROOT, folder, "checkpoints/vitrine-small", 1, 2)


def test_every_step_can_say_its_commands() -> None:
    check = check_in(ROOT / "build" / "gpu-check-x")
    said = [" ".join(command) for step in container_steps() for command in step.commands(check)]
    builders_help = subprocess.run(
        [sys.executable, "-m", "builders", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert sum("run --rm builder" in line for line in said) == 3
    for line in said:
        for option in re.findall(r"(--[a-z-]+)=", line.partition(" builder ")[2]):
            assert f"{option} " in builders_help


@pytest.mark.parametrize("engines_only", [True, False])
def test_every_step_without_a_container_can_say_its_commands(engines_only: bool) -> None:
    check = check_in(ROOT / "build" / "gpu-check-x")
    steps = rtx_steps(engines_only=engines_only)
    said = [command for step in steps for command in step.commands(check)]
    assert not any("docker" in command for command in said)
    assert any("pytest" in command for command in said) is not engines_only
    for command in said:
        if "-m" in command and "builders" in command:
            options_from_arguments(BuildOptions, "builders", command[command.index("builders") + 1 :])


def test_plans_that_were_not_run_are_no_parity() -> None:
    assert parity_rule("loop", {"parity": []}).outcome == NOT_RUN


def test_a_missing_program_is_a_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    (verdict,) = run_step(container_steps()[0], check_in(ROOT / "build" / "gpu-check-x"))
    assert (verdict.outcome, verdict.found) == (FAILED, "`docker` cannot be run: No such file or directory")


def test_without_docker_it_stops_and_says_where(tmp_path: Path) -> None:
    docker = tmp_path / "docker"
    docker.write_text("#!/bin/sh\necho 'Cannot connect to the Docker daemon'\nexit 1\n", "utf-8")
    docker.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-m", "checks.gpu"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    page = Path(done.stdout.rpartition("report: ")[2].strip())
    text = page.read_text("utf-8")
    assert "**Failed:** this host has Docker and a GPU." in text
    assert "Cannot connect to the Docker daemon" in text
    assert text.count("| not run | stopped at: this host has Docker and a GPU |") == len(container_steps()) - 1
    content = json.loads(page.with_suffix(".json").read_text("utf-8"))
    assert (content["format"], content["passed"]) == (1, False)
    assert [rule["outcome"] for rule in content["rules"]] == [FAILED] + [NOT_RUN] * (len(container_steps()) - 1)
    for file in page.parent.iterdir():
        file.unlink()
    page.parent.rmdir()


def test_a_dry_run_prints_every_step_and_how_long_it_takes_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def build(*_: object, **__: object) -> "subprocess.CompletedProcess[str]":
        printed.append(capsys.readouterr().out)
        return subprocess.CompletedProcess([], 0)

    monkeypatch.setattr("checks.gpu.run.subprocess.run", build)
    assert check_gpu(GpuCheckOptions(dry_run=True)) == 0
    (before,) = printed
    assert all(f"[{number}] {step.name}\n" in before for number, step in enumerate(container_steps(), 1))
    assert "checked here, without a GPU, in a minute or two:" in before


def test_the_page_says_what_was_not_run() -> None:
    verdicts = [Verdict("a", PASSED, "x | y"), Verdict("load test", NOT_RUN, "none yet")]
    page = report_page(verdicts, {"GPU": "NVIDIA L4"})
    assert "Nothing failed, but not all was run: load test." in page
    assert "| a | passed | x \\| y |" in page
    assert "Every rule passed." in report_page(verdicts[:1], {})
