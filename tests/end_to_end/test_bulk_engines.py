"""`vitrine bulk` before a real server: alone, on Ray, and by the guide's own lines on Spark, with the same rows."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from tests.helpers.system import lack

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "bulk.md"
QUESTIONS = ("What is it?", "这是什么？")
PHOTOS = {
    f"product {number}": photo_from_seed(first_seed("test") + number, long_side_px=(200, 300)).jpeg_bytes()
    for number in range(24)
}


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("catalogue") / "photos.parquet"
    pq.write_table(pa.table({"id": list(PHOTOS), "photo": list(PHOTOS.values())}), file, row_group_size=8)
    return file


def bulk(catalogue: Path, output: Path, url: str, *more: str) -> subprocess.CompletedProcess[str]:
    asked = [word for question in QUESTIONS for word in ("--ask", question)]
    command = [sys.executable, "-m", "vitrine_client.cli", "bulk", str(catalogue), str(output), "--url", url]
    return subprocess.run([*command, *asked, *more], capture_output=True, text=True, check=False)


def rows(output: Path) -> dict[tuple[str, str], dict[str, Any]]:
    found = ds.dataset(output, format="parquet").to_table().to_pylist()
    by_question = {(row["id"], row["question"]): row for row in found}
    assert len(by_question) == len(found) == len(PHOTOS) * len(QUESTIONS)
    return by_question


@pytest.fixture(scope="module")
def alone(catalogue: Path, server_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("alone") / "answers"
    done = bulk(catalogue, output, server_url, "--read", "--choose", "Which colour?=red|blue", "--embed")
    assert done.returncode == 0, done.stderr
    assert f"{len(PHOTOS)} photos in" in done.stdout
    assert "Traceback" not in done.stderr
    return output


def test_a_real_server_answers_all_kinds_and_nothing_fails(alone: Path) -> None:
    found = ds.dataset(alone, format="parquet").to_table().to_pylist()
    assert len(found) == len(PHOTOS) * 5
    assert {row["error"] for row in found} == {None}
    by_kind = {kind: [row for row in found if row["kind"] == kind] for kind in ("ask", "choose", "read", "embed")}
    assert {row["status"] for row in by_kind["ask"]} <= {"answered", "hand_over", "cannot_tell"}
    assert all(0 < row["confidence"] <= 1 for row in by_kind["ask"])
    assert {row["answer"] for row in by_kind["choose"]} <= {"red", "blue", ""}
    assert all(len(row["vector"]) == 192 for row in by_kind["embed"])


def test_against_an_earlier_run_it_says_what_changed(
    catalogue: Path, alone: Path, server_url: str, tmp_path: Path
) -> None:
    done = bulk(catalogue, tmp_path / "again", server_url, "--against", str(alone), "--json")
    assert done.returncode == 0, done.stderr
    summary, *changes = map(json.loads, done.stdout.splitlines())
    assert summary["photos"] == len(PHOTOS)
    assert {row["question"]: row["rows"] for row in changes} == dict.fromkeys(QUESTIONS, len(PHOTOS))
    assert {row["changed"] for row in changes} == {0}, "the same release answers the same"
    assert pq.read_table(tmp_path / "again" / "_changes.parquet").num_rows == 0


def test_ray_gives_the_same_rows(catalogue: Path, alone: Path, server_url: str, tmp_path: Path) -> None:
    try:
        import ray.data  # noqa: F401  whether it is there
    except ImportError:
        lack("Ray is not installed: make setup EXTRAS=bulk-engines")
    done = bulk(catalogue, tmp_path / "ray", server_url, "--engine", "ray")
    assert done.returncode == 0, done.stderr
    on_ray = rows(tmp_path / "ray")
    for row in ds.dataset(alone, format="parquet").to_table().to_pylist():
        if row["kind"] == "ask":
            assert on_ray[row["id"], row["question"]] == row


@pytest.mark.parametrize("address", ["localhost:1", "ray://localhost:1", "localhost:99999"])
def test_a_ray_cluster_that_is_not_there_is_said_at_once(
    catalogue: Path, server_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", address)
    done = bulk(catalogue, tmp_path / "ray", server_url, "--engine", "ray")
    assert (done.returncode, "where RAY_ADDRESS says" in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr


def test_the_guide_s_lines_run_on_spark(catalogue: Path, alone: Path, server_url: str, tmp_path: Path) -> None:
    try:
        import pyspark  # noqa: F401  whether it is there
    except ImportError:
        lack("Spark is not installed: make setup EXTRAS=bulk-engines")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java, which is not here")
    [code] = (
        block for block in re.findall(r"```python\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL) if "Spark" in block
    )
    named = f"SERVER, CATALOGUE, ANSWERS = {server_url!r}, {str(catalogue)!r}, {str(tmp_path / 'spark')!r}\n"
    (tmp_path / "job.py").write_text(named + code, "utf-8")
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable}
    done = subprocess.run(
        [sys.executable, tmp_path / "job.py"], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    on_spark = {(row["id"], row["question"]): row for row in pq.read_table(tmp_path / "spark").to_pylist()}
    assert len(on_spark) == len(PHOTOS) * len(QUESTIONS)
    for row in ds.dataset(alone, format="parquet").to_table().to_pylist():
        if row["kind"] == "ask":
            found = on_spark[row["id"], row["question"]]
            assert (found["answer"], found["status"], found["error"]) == (row["answer"], row["status"], "")
