"""The reference names every field of every file that is written, and every environment variable that is read."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from evaluation.report import write_report
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


def test_every_field_of_a_manifest_is_documented(repository: Path) -> None:
    assert not undocumented(json.loads((repository / "manifest.json").read_text("utf-8")), "`manifest.json`")


def test_every_field_of_an_evaluation_s_report_is_documented(tmp_path: Path) -> None:
    served = {"target": "onnxruntime", "precision": "fp32", "decode_strategy": "loop", "built_at": "", "checkpoint": ""}
    write_report(tmp_path, served=served, settings={}, figures=[], plots={}, graded=[])
    content = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert not undocumented(content, "Report of an evaluation")


def test_every_environment_variable_is_documented() -> None:
    files = [ROOT / "docker-compose.yml"]
    for folder in ("client/src", "loadtest", "serving", "vitrine_steps", "tests", "checks", "benchmarks", "builders"):
        files += [*(ROOT / folder).rglob("*.py"), *(ROOT / folder).rglob("*.sh")]
    used = {name for file in files for name in re.findall(r"\bVITRINE_[A-Z_]*[A-Z]\b", file.read_text("utf-8"))}
    assert {name for name in used if name not in ENVIRONMENT and f"\n{name}=" not in EXAMPLE} == set()
