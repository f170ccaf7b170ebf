"""The whole command against the real server: a report, gone on with, and compared."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evaluation.comparison import changes, changes_table
from evaluation.report import read_report


def evaluation(*arguments: object, module: str = "evaluation") -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", module, *map(str, arguments)], capture_output=True, text=True)


@pytest.fixture(scope="module")
def report(repository: Path, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluation") / "report"
    more = (
        "--closed-list-questions",
        28,
        "--stability",
        14,
        "--heatmap-photos",
        2,
        "--ood-photos",
        "--before-calibration",
    )
    done = evaluation(repository, "--url", server_url, "--output", folder, "--questions", 42, *more)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_part_has_its_figures(report: Path) -> None:
    content, rows = read_report(report)
    assert len(rows) == 42
    sections = {row["section"] for row in content["figures"]}
    assert {"accuracy", "trust, all", "trust, zh", "closed lists", "unfamiliar photos"} <= sections
    assert {"answers that stay the same", "trust, before calibration"} <= sections
    assert any(section.startswith("where it looked") for section in sections)
    found = {(row["section"], row["name"]): row for row in content["figures"]}
    accuracy = found["accuracy", "all"]
    assert accuracy["of"] == 42
    assert accuracy["value"] > 0.8
    assert accuracy["interval_95"][0] < accuracy["value"] <= accuracy["interval_95"][1]


def test_the_page_stands_alone(report: Path) -> None:
    page = (report / "report.html").read_text("utf-8")
    assert page.count("data:image/png;base64,") == 4
    assert not re.search(r'(src|href)="(?!data:)', page), "nothing is loaded from elsewhere"
    for text in ("closed lists", "Wrong answers", "95 % interval"):
        assert text in page


def test_the_same_command_goes_on_and_another_one_is_refused(report: Path, repository: Path, server_url: str) -> None:
    journal = report / "questions.jsonl"
    before = journal.read_text("utf-8")
    more = (
        "--closed-list-questions",
        28,
        "--stability",
        14,
        "--heatmap-photos",
        2,
        "--ood-photos",
        "--before-calibration",
    )
    again = evaluation(repository, "--url", server_url, "--output", report, "--questions", 42, *more)
    assert again.returncode == 0, again.stderr
    assert journal.read_text("utf-8") == before, "nothing was asked twice"
    other = evaluation(repository, "--url", server_url, "--output", report, "--questions", 43)
    assert other.returncode == 2
    assert "holds an evaluation with other" in other.stderr


def test_a_users_own_questions_are_asked_and_a_refused_one_is_counted(
    repository: Path, server_url: str, tmp_path: Path
) -> None:
    from catalogue.photos import photo_from_seed

    (tmp_path / "a.jpg").write_bytes(photo_from_seed(10_000_002).jpeg_bytes())
    (tmp_path / "broken.jpg").write_bytes(b"no photo")
    rows = [
        {"photo": "a.jpg", "question": "什么颜色？", "answer": "红色", "candidates": ["红色", "蓝色", "绿色"]},
        {"photo": "broken.jpg", "question": "What is it?", "answers": ["mug"]},
    ]
    (tmp_path / "q.jsonl").write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    done = evaluation(
        repository,
        "--url",
        server_url,
        "--output",
        tmp_path / "out",
        "--data",
        tmp_path / "q.jsonl",
        "--closed-list-questions",
        1,
    )
    assert done.returncode == 0, done.stderr
    _, asked = read_report(tmp_path / "out")
    assert [row["status"] for row in asked][1] == "refused"
    assert "photo" in asked[1]["got"]


def test_reports_are_compared(report: Path) -> None:
    same = evaluation(report, report, module="evaluation.compare")
    assert same.returncode == 0, same.stderr
    assert "beyond chance" not in same.stdout
    assert "p 1.000 (paired)" in same.stdout


def test_a_real_change_is_beyond_chance() -> None:
    from evaluation.accuracy import Graded

    def asked(right: int) -> list[Graded]:
        return [
            Graded(str(i), "colour", "en", f"{i}", ("red",), "red" if i < right else "blue", "answered")
            for i in range(100)
        ]

    def content(right: int) -> dict[str, list[dict[str, object]]]:
        return {"figures": [{"section": "accuracy", "name": "all", "value": right / 100, "of": 100}]}

    (change,) = changes(content(90), content(99), (asked(90), asked(99)))
    assert change.paired
    assert change.p_value == pytest.approx(2 * 0.5**9)
    assert "<- beyond chance" in changes_table([change])
    (small,) = changes(content(90), content(92), (asked(90), asked(92)[:99]))
    assert not small.paired
    assert not small.is_beyond_chance


def test_a_folder_without_a_report_is_named(tmp_path: Path) -> None:
    done = evaluation(tmp_path, tmp_path, module="evaluation.compare")
    assert done.returncode == 2
    assert "error: not a finished evaluation" in done.stderr
    assert os.fspath(tmp_path) in done.stderr
