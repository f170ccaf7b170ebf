"""Questions with known answers in a file of JSON Lines, as calibration and evaluation take them."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_EXPECTED = '{"photo": PATH, "question": TEXT, "answer": TEXT} is expected'


class LabelledFileError(ValueError):
    """A file of labelled questions cannot be used; the message names the line and says what is expected."""


@dataclass(frozen=True)
class LabelledRow:
    """Line of the file: a question about a photo, with its right answers."""

    photo: Path
    """A file that exists."""
    question: str
    answers: tuple[str, ...]
    """Right answers, at least one."""
    candidates: tuple[str, ...] = ()
    """Allowed answers of a closed list, whether the right one is among them or not; empty: an open question."""
    kind: str = ""
    """Such as "colour"; "" where the line does not say."""
    language: str = ""
    """Such as "zh"; "" where the line does not say."""


def read_labelled_file(file: Path) -> list[LabelledRow]:
    """Read lines of "photo" (a path, relative to the file), "question", and "answer" or "answers".

    "candidates", "kind" and "language" may stand in a line too. Blank lines are passed over.

    Raises:
        LabelledFileError: the file cannot be read, or a line is wrong.
    """
    try:
        lines = file.read_text("utf-8").split("\n")  # not splitlines(): U+2028 may stand in a text
    except (OSError, UnicodeDecodeError) as error:
        raise LabelledFileError(f"cannot read {file}: {error}") from error
    return [
        row_from(line, f"{file}, line {number}", file.parent) for number, line in enumerate(lines, 1) if line.strip()
    ]


def row_from(line: str | dict[str, Any], where: str, folder: Path) -> LabelledRow:
    """Read one line, as text or parsed.

    Raises:
        LabelledFileError: begins with `where`.
    """
    try:
        row: dict[str, Any] = json.loads(line) if isinstance(line, str) else line
        answers = _texts(row["answers"], "answers") if "answers" in row else (str(row["answer"]),)
        photo = folder / row["photo"]
        question, candidates = str(row["question"]), _texts(row.get("candidates", []), "candidates")
        kind, language = str(row.get("kind", "")), str(row.get("language") or "")
    except (ValueError, KeyError, TypeError) as error:
        raise LabelledFileError(f"{where}: {_EXPECTED} ({type(error).__name__}: {error})") from error
    if not answers:
        raise LabelledFileError(f"{where}: {_EXPECTED} (answers is empty)")
    if not photo.is_file():
        raise LabelledFileError(f"{where}: {_EXPECTED} (there is no photo {photo})")
    return LabelledRow(photo, question, answers, candidates, kind, language)


def _texts(value: object, name: str) -> tuple[str, ...]:
    """
    Raises:
        ValueError: not a list; one text would else be taken for its letters.
    """
    if not isinstance(value, list):
        raise ValueError(f"{name} is {value!r}, but a list is expected")
    return tuple(map(str, value))
