"""`python -m catalogue` writes a data set that others can read."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "catalogue", *arguments], capture_output=True, text=True, check=False)


def test_a_data_set_is_written(tmp_path: Path) -> None:
    done = run(str(tmp_path / "set"), "--photos", "3", "--per-photo", "7")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "set" / "questions.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 21
    assert {row["kind"] for row in rows[:7]} == {
        "category",
        "colour",
        "pattern",
        "number",
        "yes_no",
        "either_or",
        "unanswerable",
    }
    for row in rows:
        photo = Image.open(tmp_path / "set" / row["photo"])
        mask = Image.open(tmp_path / "set" / row["photo"].replace("photos", "masks").replace(".jpg", ".png"))
        assert photo.size == mask.size


def test_a_folder_of_something_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    done = run(str(tmp_path), "--photos", "1")
    assert done.returncode == 2
    assert "is not empty" in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_impossible_numbers_are_refused(tmp_path: Path) -> None:
    done = run(str(tmp_path / "set"), "--photos", "0")
    assert done.returncode == 2
    assert "at least 1" in done.stderr
