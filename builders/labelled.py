"""Questions with known answers, drawn by the catalogue or out of a file."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from builders.errors import BuildError
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed

# Away from the photos that `python -m evaluation` asks about, 20,000 and up.
_FIRST_PHOTO = 40_000
_PER_PHOTO = 7


@dataclass(frozen=True)
class Labelled:
    photo: bytes
    """Encoded."""
    question: str
    answers: tuple[str, ...]
    """Any of them is right."""

    def is_right(self, answer: str) -> bool:
        """Case and white space do not count."""
        return _plain(answer) in {_plain(right) for right in self.answers}


def drawn_questions(photos: int) -> Iterator[Labelled]:
    """Of the test split: photos and wordings that no checkpoint was trained on."""
    first = first_seed("test") + _FIRST_PHOTO
    for seed in range(first, first + photos):
        photo = photo_from_seed(seed).jpeg_bytes()
        for question in questions_from_seed(seed, "test", per_photo=_PER_PHOTO):
            yield Labelled(photo, question.text, (question.answer,))


def questions_in_file(file: Path) -> list[Labelled]:
    """From JSON Lines: "photo" (a path, relative to the file), "question", and "answer" or "answers".

    Raises:
        BuildError: names the line that is wrong.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BuildError(f"cannot read {file}: {error}") from error
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
                answers = tuple(row["answers"]) if "answers" in row else (str(row["answer"]),)
                found.append(Labelled((file.parent / row["photo"]).read_bytes(), str(row["question"]), answers))
            except (ValueError, KeyError, TypeError, OSError) as error:
                raise BuildError(
                    f'{file}, line {number}: {{"photo": PATH, "question": TEXT, "answer": TEXT}} is expected '
                    f"({type(error).__name__}: {error})"
                ) from error
    return found


def _plain(text: str) -> str:
    return "".join(text.lower().split())
