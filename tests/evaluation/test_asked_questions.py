"""Where questions come from: drawn, JSON Lines, the VQA-v2 format; and what is wrong with a file."""

import json
from pathlib import Path
from typing import Any

import pytest

from evaluation.questions import DataError, draw_questions, first_questions, from_json_lines, from_vqa_v2


def test_drawn_questions_are_as_many_as_asked_for() -> None:
    groups = draw_questions(10, first_photo=3)
    assert [len(group.questions) for group in groups] == [7, 3]
    assert groups[0].questions[0].drawn
    assert {question.language for question in groups[0].questions} == {"en", "zh"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "COCO_val2014_000000000042.jpg"):
        (tmp_path / name).write_bytes(b"photo")
    return tmp_path


def test_json_lines_are_grouped_by_photo(folder: Path) -> None:
    rows = [
        {"photo": "a.jpg", "question": "什么颜色？", "answer": "红色", "candidates": ["红色", "蓝色"]},
        {"photo": "COCO_val2014_000000000042.jpg", "question": "What?", "answers": ["mug", "cup"], "kind": "category"},
        {"photo": "a.jpg", "question": "How many?", "answer": 3},
    ]
    file = folder / "q.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows) + "\n\n", "utf-8")
    first, second = from_json_lines(file)
    assert [question.text for question in first.questions] == ["什么颜色？", "How many?"]
    assert [question.language for question in first.questions] == ["zh", "en"]
    assert first.questions[0].candidates == ("红色", "蓝色")
    assert first.questions[1].answers == ("3",)
    assert (second.questions[0].kind, second.questions[0].answers) == ("category", ("mug", "cup"))
    assert second.load() == b"photo"
    assert [len(group.questions) for group in first_questions([first, second], 1)] == [2]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"photo": "a.jpg", "question": "x"}',
        '{"photo": "no.jpg", "question": "x", "answer": "y"}',
        '{"photo": "a.jpg", "question": "x", "answers": "red"}',
        '{"photo": "a.jpg", "question": "x", "answers": []}',
    ],
)
def test_a_broken_line_is_named(folder: Path, line: str) -> None:
    (folder / "q.jsonl").write_text('{"photo": "a.jpg", "question": "x", "answer": "y"}\n' + line, "utf-8")
    with pytest.raises(DataError, match=r"q\.jsonl, line 2: "):
        from_json_lines(folder / "q.jsonl")


def vqa_files(folder: Path, **changed: Any) -> tuple[Path, Path, Path]:
    question = {"image_id": 42, "question": "What is it?", "question_id": 420} | changed
    answers = [{"answer": "mug", "answer_id": number} for number in range(10)]
    annotation = {"question_id": 420, "answers": answers, "answer_type": "other", "image_id": 42}
    (folder / "q.json").write_text(json.dumps({"questions": [question]}))
    (folder / "a.json").write_text(json.dumps({"annotations": [annotation]}))
    return folder / "q.json", folder / "a.json", folder


def test_the_vqa_v2_format_is_read(folder: Path) -> None:
    (group,) = from_vqa_v2(*vqa_files(folder))
    assert group.photo.endswith("COCO_val2014_000000000042.jpg")
    (question,) = group.questions
    assert (question.text, question.answers, question.kind) == ("What is it?", ("mug",) * 10, "other")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"question_id": 1}, "question 1 of .* has no annotation"),
        ({"image_id": 7}, "image 7 of question 420 is not in"),
    ],
)
def test_what_is_missing_is_named(folder: Path, changed: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        from_vqa_v2(*vqa_files(folder, **changed))


def test_a_file_of_another_form_is_refused(folder: Path) -> None:
    questions, annotations, photos = vqa_files(folder)
    questions.write_text("[]")
    with pytest.raises(DataError, match='with "questions" and'):
        from_vqa_v2(questions, annotations, photos)
