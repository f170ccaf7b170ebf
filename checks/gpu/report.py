"""The verdicts of a check, as a page and as JSON."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vitrine_steps.file_format import FIELD

GPU_FORMAT = 1
"""Format of `gpu-report.json`."""
PASSED, FAILED, NOT_RUN = "passed", "FAILED", "not run"


@dataclass(frozen=True)
class Verdict:
    """Verdict on one rule."""

    rule: str
    outcome: str
    """One of PASSED, FAILED and NOT_RUN."""
    found: str
    figures: dict[str, Any] = field(default_factory=dict)


def write_report(verdicts: Sequence[Verdict], machine: dict[str, str], folder: Path) -> Path:
    """Write `gpu-report.md` and `gpu-report.json` into `folder`; returns the page."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        FIELD: GPU_FORMAT,
        "machine": machine,
        "passed": all_passed(verdicts),
        "rules": [asdict(v) for v in verdicts],
    }
    (folder / "gpu-report.json").write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", "utf-8")
    page = folder / "gpu-report.md"
    page.write_text(report_page(verdicts, machine), "utf-8")
    return page


def all_passed(verdicts: Sequence[Verdict]) -> bool:
    return all(v.outcome == PASSED for v in verdicts)


def report_page(verdicts: Sequence[Verdict], machine: dict[str, str]) -> str:
    failed = [v.rule for v in verdicts if v.outcome == FAILED]
    missing = [v.rule for v in verdicts if v.outcome == NOT_RUN]
    if failed:
        headline = f"**Failed:** {'; '.join(failed)}."
    elif missing:
        headline = f"Nothing failed, but not all was run: {'; '.join(missing)}."
    else:
        headline = "Every rule passed."
    lines = ["# GPU check", "", headline, "", "| machine | |", "| --- | --- |"]
    lines += [f"| {name} | {value} |" for name, value in machine.items()]
    lines += ["", "| rule | verdict | found |", "| --- | --- | --- |"]
    lines += [f"| {v.rule} | {v.outcome} | {_cell(v.found)} |" for v in verdicts]
    for verdict in verdicts:
        if verdict.figures:
            lines += ["", f"## {verdict.rule}", "", "```json", json.dumps(verdict.figures, indent=2), "```"]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "<br>")
