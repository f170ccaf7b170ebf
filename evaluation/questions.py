"""Photos with questions whose answers are known: drawn, from JSON Lines, or in the VQA-v2 format."""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from catalogue.questions import Question
from measuring.labelled_file import LabelledFileError, read_labelled_file
from vitrine_steps.verdict import language_of

_PER_PHOTO = 7  # one of each kind


class DataError(ValueError):
    """A file of questions cannot be used; says where and what is expected."""

    exit_status = 2


@dataclass(frozen=True)
class LabelledQuestion:
    text: str
    answers: tuple[str, ...]
    """Answers that people gave; several may be right, and one may stand several times (VQA-v2)."""
    kind: str
    language: str
    candidates: tuple[str, ...] = ()
    """Allowed answers of a closed list; empty: an open question."""
    drawn: Question | None = None
    """Question of the catalogue that this one is; None: it came from a file."""


@dataclass(frozen=True)
class PhotoQuestions:
    photo: str
    """A name that no other photo of the run has."""
    load: Callable[[], bytes]
    """Function that reads or draws the photo's encoded bytes."""
    questions: tuple[LabelledQuestion, ...]
    seed: int | None = None
    """Seed of the catalogue's photo; None: it came from a file."""


def draw_questions(questions: int, *, first_photo: int) -> list[PhotoQuestions]:
    """Draw unseen photos and unseen wordings, one question of each kind about each photo.

    Args:
        first_photo: position of the first photo in the test split.
    """
    first = first_seed("test") + first_photo
    groups = []
    for number in range(-(-questions // _PER_PHOTO)):
        asked = questions_from_seed(first + number, "test", per_photo=min(_PER_PHOTO, questions - number * _PER_PHOTO))
        labelled = tuple(LabelledQuestion(q.text, (q.answer,), q.kind, q.language, drawn=q) for q in asked)
        groups.append(
            PhotoQuestions(str(first + number), partial(draw_photo, first + number), labelled, first + number)
        )
    return groups


def draw_photo(seed: int) -> bytes:
    return photo_from_seed(seed).jpeg_bytes()


def from_json_lines(file: Path) -> list[PhotoQuestions]:
    """Read JSON Lines of labelled questions; see `read_labelled_file`. A kind that is not given is "any".

    Raises:
        DataError: names the line that is wrong.
    """
    try:
        rows = read_labelled_file(file)
    except LabelledFileError as error:
        raise DataError(str(error)) from error
    return _group_by_photo(
        (
            row.photo,
            LabelledQuestion(
                row.question, row.answers, row.kind or "any", row.language or language_of(row.question), row.candidates
            ),
        )
        for row in rows
    )


def from_vqa_v2(questions_file: Path, annotations_file: Path, photos: Path) -> list[PhotoQuestions]:
    """Read the format of the VQA v2 challenge: questions, and annotations with ten people's answers to each.

    Args:
        photos: a folder of files named by image id, such as COCO_val2014_000000262148.jpg.

    Raises:
        DataError: a file of another form, or a photo that is not there.
    """
    try:
        questions = json.loads(_text_of(questions_file))["questions"]
        annotations = {row["question_id"]: row for row in json.loads(_text_of(annotations_file))["annotations"]}
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f'{questions_file} with "questions" and {annotations_file} with "annotations", each with a question_id, '
            f"are expected ({type(error).__name__}: {error})"
        ) from error
    if not photos.is_dir():
        raise DataError(f"{photos} is not a folder of photos")
    files = {
        int(found[1]): file for file in sorted(photos.iterdir()) if (found := re.search(r"(\d+)\.\w+$", file.name))
    }
    rows = []
    for question in questions:
        number, image = question.get("question_id"), question.get("image_id")
        if number not in annotations:
            raise DataError(f"question {number} of {questions_file} has no annotation in {annotations_file}")
        if image not in files:
            raise DataError(
                f"image {image} of question {number} is not in {photos}: a file ending in its number is expected"
            )
        annotation = annotations[number]
        answers = tuple(str(answer["answer"]) for answer in annotation["answers"])
        text = str(question["question"])
        kind = str(annotation.get("answer_type", "any"))
        rows.append((files[image], LabelledQuestion(text, answers, kind, language_of(text))))
    return _group_by_photo(rows)


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {file}: {error}") from error


def _group_by_photo(rows: Iterable[tuple[Path, LabelledQuestion]]) -> list[PhotoQuestions]:
    by_photo: dict[Path, list[LabelledQuestion]] = {}
    for photo, question in rows:
        by_photo.setdefault(photo, []).append(question)
    return [PhotoQuestions(str(photo), photo.read_bytes, tuple(asked)) for photo, asked in by_photo.items()]


def first_questions(groups: Sequence[PhotoQuestions], count: int) -> list[PhotoQuestions]:
    """Take the first photos, until they have `count` questions."""
    taken: list[PhotoQuestions] = []
    for group in groups:
        if sum(len(g.questions) for g in taken) >= count:
            break
        taken.append(group)
    return taken
