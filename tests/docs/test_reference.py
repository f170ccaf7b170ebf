"""The reference names every field of every file that is written, and every environment variable that is read."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from builders.checkpoint.lock_file import LOCK_FILE, Locked, record
from evaluation.report import write_report
from loadtest.plan import REQUEST_KINDS
from loadtest.report import Run, write_run_report
from loadtest.samples import SampleFile
from loadtest.scenario import Scenario
from loadtest.schedule import ArrivalProfile
from loadtest.settings import RunSettings
from tests.docs.pages import ROOT

FORMATS = (ROOT / "docs" / "reference" / "file-formats.md").read_text("utf-8")
ENVIRONMENT = (ROOT / "docs" / "reference" / "environment.md").read_text("utf-8")
EXAMPLE = (ROOT / ".env.example").read_text("utf-8")
BUNDLED = ROOT / "checkpoints" / "vitrine-small"


def documented(section: str) -> set[str]:
    """Fields in the first column of a section's tables."""
    text = FORMATS.split(f"\n## {section}\n")[1].split("\n## ")[0]
    return {name for row in re.findall(r"(?m)^\| (`[^|]+) \|", text) for name in re.findall(r"`([^`]+)`", row)}


def undocumented(fields: Iterable[str], section: str) -> set[str]:
    return set(fields) - documented(section)


@pytest.mark.parametrize("name", ["calibration.json", "vitrine.json"])
def test_every_field_beside_the_bundled_weights_is_documented(name: str) -> None:
    content: dict[str, Any] = json.loads((BUNDLED / name).read_text("utf-8"))
    assert not undocumented(content, f"`{name}`")
    assert not documented(f"`{name}`") - set(content)


def test_every_field_of_the_steps_settings_is_documented(repository: Path) -> None:
    content = json.loads((repository / "question_preprocess" / "1" / "step.json").read_text("utf-8"))
    fields = {*content, *content["family"]}
    assert not undocumented(fields, "`step.json`")
    assert not documented("`step.json`") - fields


def test_every_field_of_a_lock_file_is_documented(tmp_path: Path) -> None:
    record(tmp_path / LOCK_FILE, "owner/name", Locked("0" * 40, {"config.json": "0" * 64}))
    content = json.loads((tmp_path / LOCK_FILE).read_text("utf-8"))
    assert documented(f"`{LOCK_FILE}`") == {*content, *content["checkpoints"]["owner/name"]}


def test_every_field_of_a_manifest_is_documented(repository: Path) -> None:
    assert not undocumented(json.loads((repository / "manifest.json").read_text("utf-8")), "`manifest.json`")


def test_every_field_of_an_evaluation_s_report_is_documented(tmp_path: Path) -> None:
    served = {"target": "onnxruntime", "precision": "fp32", "decode_strategy": "loop", "built_at": "", "checkpoint": ""}
    write_report(tmp_path, served=served, settings={}, figures=[], plots={}, graded=[])
    content = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert not undocumented(content, "Report of an evaluation")


def test_every_field_of_a_load_test_s_report_is_documented(tmp_path: Path) -> None:
    settings = RunSettings(
        url="localhost:8001",
        scenario=Scenario("browsing"),
        profile=ArrivalProfile("constant", rate_per_s=1.0, duration_s=1.0),
        seed=0,
        users=None,
        workers=1,
        warm_up_s=0.0,
        timeout_s=1.0,
        max_in_flight=1,
        photo_count=1,
        photo_folder=None,
        photo_salt="",
        web_port=None,
    )
    with SampleFile(tmp_path / "samples-1.bin") as samples:
        samples.add(0.1, 0.0, 0.01, REQUEST_KINDS[0], "OK", "answered")
    content = write_run_report(tmp_path, Run(settings, ran_s=1.0, slo_ms=None, data_sha256="", server={}))
    assert content["figures"]["requests"] == 1
    assert not undocumented([*content, *content["figures"]], "Report of a load test")


def test_every_environment_variable_is_documented() -> None:
    files = [ROOT / "docker-compose.yml"]
    for folder in ("client/src", "loadtest", "serving", "vitrine_steps", "tests", "checks", "benchmarks", "builders"):
        files += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.sh")]
    used = {name for file in files for name in re.findall(r"\bVITRINE_[A-Z_]*[A-Z]\b", file.read_text("utf-8"))}
    assert {name for name in used if name not in ENVIRONMENT and f"\n{name}=" not in EXAMPLE} == set()
