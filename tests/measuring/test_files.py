"""Files that several measurements read: photos in folders, labelled questions."""

import json
from pathlib import Path

import pytest

from measuring.labelled_file import LabelledFileError, LabelledRow, read_labelled_file
from measuring.photo_files import photo_files

GOOD = {"photo": "a.jpg", "question": "What is it?", "answer": "a mug"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "a.jpg").touch()
    return tmp_path / "questions.jsonl"


def test_photos_are_found_below_a_folder_by_their_suffix(tmp_path: Path) -> None:
    for name in ("b.JPG", "a.txt", "deep/a.webp"):
        photo = tmp_path / name
        photo.parent.mkdir(exist_ok=True)
        photo.touch()
    assert [photo.name for photo in photo_files(tmp_path)] == ["b.JPG", "a.webp"]
    assert photo_files(tmp_path / "nothere") == []


def test_each_line_is_a_question(file: Path) -> None:
    more = {"answers": ["红", "红色"], "candidates": ["红", "蓝"], "kind": "colour", "language": "zh"}
    lines = [
        json.dumps(GOOD),
        "",
        json.dumps({"photo": "a.jpg", "question": "什么\u2028颜色", **more}, ensure_ascii=False),
    ]
    file.write_text("\n".join(lines), "utf-8")
    photo = file.parent / "a.jpg"
    assert read_labelled_file(file) == [
        LabelledRow(photo, "What is it?", ("a mug",)),
        LabelledRow(photo, "什么\u2028颜色", ("红", "红色"), ("红", "蓝"), "colour", "zh"),
    ]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        (json.dumps({"photo": "a.jpg", "question": "?"}), "KeyError: 'answer'"),
        (json.dumps({**GOOD, "answers": []}), "answers is empty"),
        (json.dumps({**GOOD, "answers": "red"}), "answers is 'red', but a list is expected"),
        (json.dumps({**GOOD, "candidates": "red"}), "candidates is 'red', but a list is expected"),
        (json.dumps({**GOOD, "photo": "b.jpg"}), "there is no photo"),
        (json.dumps({**GOOD, "photo": 5}), "TypeError"),
    ],
)
def test_a_wrong_line_is_named_with_what_is_expected(file: Path, line: str, reason: str) -> None:
    file.write_text(f"{json.dumps(GOOD)}\n{line}\n", "utf-8")
    with pytest.raises(LabelledFileError) as caught:
        read_labelled_file(file)
    assert 'line 2: {"photo": PATH, "question": TEXT, "answer": TEXT} is expected' in str(caught.value)
    assert reason in str(caught.value)


def test_a_file_that_is_no_text_is_refused(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    for unreadable in (file, file.parent):
        with pytest.raises(LabelledFileError, match="cannot read"):
            read_labelled_file(unreadable)
