"""`python -m training release`: step after step, each once, then the gate and the page."""

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builders.calibration.fit import LEAST_QUESTIONS
from builders.checkpoint.digests import sha256_of_file, write_whole
from command_line.errors import UsageError
from evaluation.accuracy import Graded
from evaluation.open_questions import grade_rows
from evaluation.probes import SECTION as PROBES
from evaluation.questions import DataError
from evaluation.report import read_report
from measuring.page import write_page
from training.release.gate import (
    Confusion,
    Finding,
    accuracy_findings,
    grown_confusions,
    hand_over_finding,
    risk_finding,
    rules_finding,
)
from training.release.options import ReleaseCommand
from training.release.steps import Folders, Step, compared, steps_of
from training.tuning.data import read_examples
from training.tuning.parts import parts_of
from vitrine_steps.rules import FILE as RULES
from vitrine_steps.rules import read_rules

_TIMES, _OPTIONS = "times.json", "options.json"


def make_release(options: ReleaseCommand) -> int:
    """Returns the exit status.

    Raises:
        UsageError: the work folder holds another release, or there is too little data.
    """
    try:
        options.work.mkdir(parents=True, exist_ok=True)
        _require_same_release(options)
        _require_enough_questions(options)
    except (OSError, DataError) as error:
        raise UsageError(str(error)) from error
    steps = steps_of(options)
    for number, step in enumerate(steps, 1):
        print(f"[{number}/{len(steps)}] {step.title}" + (": done before" if step.made.exists() else ""), flush=True)
        if not step.made.exists() and (status := _run(step, options.work)):
            print(
                f"error: {step.title}: ended with status {status}; what was made before is kept, and the same command "
                "goes on from there", file=sys.stderr,
            )  # fmt: skip
            return 1
    findings, confusions = _findings(options)
    refused = [finding for finding in findings if not finding.passed]
    page = _write_page(options, steps, findings, confusions)
    for one in refused:
        before = "" if one.before is None else f"{one.before:.1%} before, "
        print(f"refused: {one.what}: {before}{one.after:.1%} now (allowed: {one.allowed})", file=sys.stderr)
    print(f"what changed: {page}")
    if not refused:
        print(f"passed; serve it: python -m serving {Folders(options.work).repository}")
    return 1 if refused else 0


def _require_same_release(options: ReleaseCommand) -> None:
    """Refuse to go on with what was made of other data, or by other options; the gate's own may change."""
    told = {name: str(value) for name, value in asdict(options).items() if name not in ("most_lost", "work")}
    read = [*options.data, *options.general, *([options.rules] if options.rules else [])]
    read += sorted(Path(options.checkpoint).glob("*.safetensors"))
    read += [options.serving / "manifest.json"] if options.serving else []
    told |= {f"sha256 of {file}": sha256_of_file(file) for file in read}
    file = options.work / _OPTIONS
    before = _read(file)
    if not before:
        write_whole(file, (json.dumps(told, indent=1) + "\n").encode())
    elif different := sorted(name for name in before.keys() | told.keys() if before.get(name) != told.get(name)):
        raise UsageError(
            f"{options.work} holds a release with another {different[0]}: name another --work, or remove it"
        )


def _require_enough_questions(options: ReleaseCommand) -> None:
    """Say before the tuning which part of the data would be too small."""
    parts = parts_of(read_examples(options.data)[0], general=read_examples(options.general)[0])
    if not parts.report or (options.general and not parts.general_report):
        raise UsageError("no question is left for the report: more products are needed")
    if (count := len(parts.calibration)) < LEAST_QUESTIONS:
        raise UsageError(
            f"{count} questions are left for the calibration, but {LEAST_QUESTIONS} are needed, own and general: a "
            "tenth of all products are kept for it"
        )


def _run(step: Step, work: Path) -> int:
    """Run a step and note how long it took; returns its exit status, 1 where it made nothing."""
    print(f"      {step.line}", flush=True)
    start_s = time.perf_counter()
    status = subprocess.run([sys.executable, *step.command], check=False).returncode
    times = _read(work / _TIMES)
    times[step.title] = round(times.get(step.title, 0.0) + time.perf_counter() - start_s, 1)
    write_whole(work / _TIMES, json.dumps(times, indent=1).encode())
    return status or (0 if step.made.exists() else 1)


def _findings(options: ReleaseCommand) -> tuple[list[Finding], dict[str, list[Confusion]]]:
    """What was looked at; and by the questions' name, what is taken for what more often than before."""
    at, found, answered = Folders(options.work), list[Finding](), list[Graded]()
    confusions = dict[str, list[Confusion]]()
    for name in compared(options):
        (before_report, before), (after_report, after) = (
            (report, grade_rows(rows))
            for report, rows in (read_report(at.evaluation(f"{name}-{when}")) for when in ("before", "after"))
        )
        answered += after
        confusions[name] = grown_confusions(before, after)
        found += accuracy_findings(f"{name} questions", before, after, options.most_lost)
        found += [risk_finding(f"{name} questions", after, options.risk),
                  hand_over_finding(f"{name} questions", before, after)]  # fmt: skip
        found += _probed(before_report, after_report)
    return [*found, rules_finding(answered, read_rules(at.repository / RULES))], confusions


def _probed(before: dict[str, Any], after: dict[str, Any]) -> list[Finding]:
    """Say how often what must not matter changes an answer; nothing is refused for it."""
    old = {figure["name"]: figure["value"] for figure in before["figures"] if figure["section"] == PROBES}
    return [
        Finding(f"changed by {figure['name']}", old.get(figure["name"]), figure["value"], figure["of"], "")
        for figure in after["figures"]
        if figure["section"] == PROBES
    ]


def _write_page(
    options: ReleaseCommand,
    steps: Sequence[Step],
    findings: Sequence[Finding],
    confusions: dict[str, list[Confusion]],
) -> Path:
    """Write `release.html` and `release.json`; returns the page."""
    manifest = _read(Folders(options.work).repository / "manifest.json")
    content = {
        "release": manifest["release"],
        "checkpoint": options.checkpoint,
        "findings": findings,
        "refused": [finding for finding in findings if not finding.passed],
        "confusions": confusions,
        "steps": steps,
        "times": _read(options.work / _TIMES),
        "parity": manifest["parity"],
    }
    page = options.work / "release.html"
    write_page(page, Path(__file__).parent / "release.html.j2", content, {})
    told = {"release": manifest["release"], "findings": [asdict(finding) for finding in findings]}
    write_whole(options.work / "release.json", (json.dumps(told, ensure_ascii=False, indent=1) + "\n").encode())
    return page


def _read(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text("utf-8")) if file.exists() else {}
    return content
