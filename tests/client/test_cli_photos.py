"""`vitrine` with photos from standard input, many photos, files of questions, and vectors."""

import json
import os
import pty
import select
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from .command import vitrine
from .conftest import Door

EN, ZH = "What colour is it?", "什么颜色"


def piped(*arguments: str, given: bytes) -> "subprocess.CompletedProcess[bytes]":
    command = [sys.executable, "-m", "vitrine_client.cli", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=60)


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    file = tmp_path / "questions.txt"
    file.write_text(f"\ufeff{EN}\r\n\n   \n{ZH}", "utf-8")  # as editors on Windows write it
    return file


def test_a_photo_comes_from_standard_input(door: Door, photo: Path) -> None:
    expected = vitrine("ask", str(photo), EN, ZH, "--url", door.url).stdout
    assert len(expected.splitlines()) == 2
    done = piped("ask", "-", EN, ZH, "--url", door.url, given=photo.read_bytes())
    assert done.stdout.decode() == expected, done.stderr
    done = piped("ask", "-", ZH, "--url", door.url, "--json", given=photo.read_bytes())
    assert json.loads(done.stdout)["photo"] == "-"
    done = piped("choose", "-", ZH, "红色", "蓝色", "--url", door.url, "--json", given=photo.read_bytes())
    assert json.loads(done.stdout)["photo"] == "-"
    heatmap = photo.parent / "looked.png"
    done = piped("ask", "-", EN, "--url", door.url, "--heatmap", str(heatmap), given=photo.read_bytes())
    assert done.returncode == 0, done.stderr
    assert heatmap.stat().st_size


def test_nothing_on_standard_input_is_one_clear_line(door: Door) -> None:
    done = piped("ask", "-", EN, "--url", door.url, given=b"")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert "nothing is left to read" in line


def test_the_fields_of_ask_and_choose_are_the_same(door: Door, photo: Path) -> None:
    asked = json.loads(vitrine("ask", str(photo), EN, "--json", "--url", door.url).stdout)
    chosen = json.loads(vitrine("choose", str(photo), EN, "red", "blue", "--json", "--url", door.url).stdout)
    assert set(asked) - {"alternatives"} == set(chosen) - {"probabilities"}
    for row in (asked, chosen):
        assert row["photo"] == str(photo)
        assert row["question"] == EN
        assert row["time_ms"] > 0


def test_questions_come_from_a_file(door: Door, photo: Path, questions: Path) -> None:
    expected = vitrine("ask", str(photo), EN, ZH, "--url", door.url).stdout
    assert vitrine("ask", str(photo), "--questions", str(questions), "--url", door.url).stdout == expected
    done = piped("ask", str(photo), "--questions", "-", "--url", door.url, given=questions.read_bytes())
    assert done.stdout.decode() == expected


def test_many_photos_are_asked_about_in_their_order(door: Door, photo: Path, questions: Path) -> None:
    photos = [photo.parent / f"photo-{number}.png" for number in range(9)]
    for number, file in enumerate(photos):
        file.write_bytes(photo.read_bytes() + bytes([number]))
    names = [str(file) for file in photos]
    done = vitrine("ask", *names, "--questions", str(questions), "--url", door.url, "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == "", "no progress where nobody watches"
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(row["photo"], row["question"]) for row in rows] == [(n, q) for n in names for q in (EN, ZH)]
    done = vitrine("ask", *names[:2], "--questions", str(questions), "--url", door.url)
    lines = done.stdout.splitlines()
    assert (lines[0], lines[3]) == (names[0], names[1])
    assert lines[1].startswith(f"  {EN}  ")


@pytest.mark.parametrize("is_json", [True, False])
def test_a_photo_that_cannot_be_read_fails_alone(door: Door, photo: Path, questions: Path, is_json: bool) -> None:
    names = [str(photo), "no-such.jpg", str(photo)]
    options = ("--questions", str(questions), "--url", door.url, *(["--json"] if is_json else []))
    done = vitrine("ask", *names, *options)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("vitrine: no-such.jpg: cannot read the photo 'no-such.jpg'")
    if is_json:
        rows = [json.loads(row) for row in done.stdout.splitlines()]
        assert [row["photo"] for row in rows] == [names[0]] * 2 + ["no-such.jpg"] + [names[2]] * 2
        assert "answer" not in rows[2]
        assert rows[2]["error"]


def test_a_server_that_is_not_there_is_said_once(photo: Path, questions: Path) -> None:
    done = vitrine("ask", *[str(photo)] * 9, "--questions", str(questions), "--url", "127.0.0.1:1")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "no server listens at 127.0.0.1:1" in line


@pytest.mark.parametrize("suffix", [".npy", ".jsonl", None])
def test_vectors_are_written(door: Door, photo: Path, suffix: str | None) -> None:
    other = photo.parent / "other.png"
    other.write_bytes(photo.read_bytes() + b"another")
    names, file = [str(photo), str(other), str(photo)], photo.parent / f"vectors{suffix}"
    done = vitrine("embed", *names, "--url", door.url, *(["--output", str(file)] if suffix else []))
    assert done.returncode == 0, done.stderr
    if suffix == ".npy":
        vectors = np.load(file)
        assert done.stdout == ""
    else:
        rows = [json.loads(line) for line in (file.read_text("utf-8") if suffix else done.stdout).splitlines()]
        assert [row["photo"] for row in rows] == names
        assert set(rows[0]) == {"photo", "vector", "sha256", "release", "request_id", "time_ms"}
        vectors = np.array([row["vector"] for row in rows], np.float32)
    assert vectors.dtype == np.float32
    assert vectors.shape[0] == 3
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    assert np.array_equal(vectors[0], vectors[2])


def test_a_file_of_vectors_lacks_no_row(door: Door, photo: Path) -> None:
    file = photo.parent / "vectors.npy"
    done = vitrine("embed", str(photo), "no-such.jpg", "--url", door.url, "--output", str(file))
    assert done.returncode == 1
    assert not file.exists()
    assert "is not written" in done.stderr
    file.symlink_to("/dev/full")
    done = vitrine("embed", str(photo), "--url", door.url, "--output", str(file))
    assert done.returncode == 1
    assert "--output: cannot write" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ask", "a.jpg"), "a question is missing"),
        (("ask", "a.jpg", "b.jpg", "--questions", "QUESTIONS", "--heatmap", "a.png"), "--heatmap shows one photo"),
        (("ask", "a.jpg", "--questions", "no-such.txt"), "--questions: cannot read no-such.txt: No such file"),
        (("ask", "a.jpg", "--questions", "EMPTY"), "holds no question: write one a line"),
        (("ask", "a.jpg", "--questions", "PHOTO"), "no UTF-8 text"),
        (("ask", "-", "--questions", "-"), "standard input is the photo or the questions, not both"),
        (("ask", "a.jpg", ZH, "--max-risk", "little"), "'little' came, but a share such as 0.001 is expected"),
        (("ask", "a.jpg", ZH, "--max-risk", "nan"), "'nan' came, but a share"),
        (("ask", "a.jpg", ZH, "--max-risk", "2"), "'2' came, but a share such as 0.001 is expected: more than 0"),
        (("choose", "a.jpg", ZH, "红色", "--max-risk", "0"), "'0' came, but a share such as 0.001 is expected"),
        (("ask", "a.jpg", ZH, "--api-key-file", "no-such.key"), "cannot read the key in no-such.key"),
        (("ask", "PHOTO", ZH, "--api-key-file", "QUESTIONS"), "does not hold a key: one word"),
        (("ask", "PHOTO", ZH, "--heatmap", "PHOTO"), "is the photo itself: name another file"),
        (("read", "PHOTO", "--overlay", "PHOTO"), "is the photo itself: name another file"),
        (("embed",), "PHOTO"),
        (("embed", "a.jpg", "--output", "vectors.csv"), "ends in .npy or .jsonl"),
    ],
)
def test_wrong_usage_is_status_2(photo: Path, questions: Path, arguments: tuple[str, ...], said: str) -> None:
    (photo.parent / "empty.txt").write_text("\n \n", "utf-8")
    files = {"QUESTIONS": questions, "EMPTY": photo.parent / "empty.txt", "PHOTO": photo}
    done = vitrine(*(str(files.get(word, word)) for word in arguments))
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_progress_is_shown_on_a_terminal(photo: Path, questions: Path) -> None:
    door = Door(None)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "vitrine_client.cli", "ask", *[str(photo)] * 5]
    command += ["--questions", str(questions), "--url", door.url]
    try:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, text=True) as process:
            os.close(theirs)
            shown = b""
            while select.select([ours], [], [], 60)[0]:
                try:
                    part = os.read(ours, 4096)
                except OSError:  # the other side is closed
                    break
                shown += part
                if not part:
                    break
            assert process.stdout
            told = process.stdout.read()
    finally:
        os.close(ours)
        door.stop()
    assert process.returncode == 0
    assert b"5 of 5 photos" in shown
    assert shown.endswith(b"\r\x1b[K"), "it is gone in the end"
    assert "of 5 photos" not in told
    assert len(told.splitlines()) == 15
