"""Questions with known answers, drawn by the catalogue or out of a file."""

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from builders.errors import UsageError
from catalogue.dataset import first_seed, odd_questions_from_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from catalogue.questions import allowed_answers
from measuring.labelled_file import LabelledFileError, read_labelled_file
from vitrine_steps.verdict import language_of

# Away from the photos that `python -m evaluation` asks about, 20,000 and up.
_FIRST_PHOTO = 40_000
_PER_PHOTO = 7
_SHORT_PER_PHOTO, _NONE_PER_PHOTO = 2, 1
LIST_LENGTH = 10
_LIST_LENGTHS = (3, LIST_LENGTH, 24)
_LACKING = 1 / 8  # of the drawn lists do not hold the right answer: what that looks like must be known


@dataclass(frozen=True)
class Labelled:
    photo: bytes
    """Encoded."""
    question: str
    answers: tuple[str, ...]
    """Any of them is right."""
    candidates: tuple[str, ...] = ()
    """Allowed answers of a closed list, whether the right one is among them or not; empty: an open question."""

    def is_right(self, answer: str) -> bool:
        """Case and white space do not count."""
        return _plain(answer) in {_plain(right) for right in self.answers}


def draw_questions(photos: int) -> Iterator[Labelled]:
    """Draw the test split's photos and wordings, which no checkpoint was trained on; short ones and texts that ask
    nothing among them."""
    first = first_seed("test") + _FIRST_PHOTO
    for seed in range(first, first + photos):
        photo, rng = photo_from_seed(seed).jpeg_bytes(), random.Random(f"lists {seed}")
        full = questions_from_seed(seed, "test", per_photo=_PER_PHOTO)
        for question in full + odd_questions_from_seed(seed, "test", short=_SHORT_PER_PHOTO, none=_NONE_PER_PHOTO):
            candidates = allowed_answers(
                question, rng, most=rng.choice(_LIST_LENGTHS), lacks_the_answer=rng.random() < _LACKING
            )
            yield Labelled(photo, question.text, (question.answer,), candidates)


def questions_in_file(file: Path) -> list[Labelled]:
    """Read JSON Lines of labelled questions; see `read_labelled_file`.

    Raises:
        UsageError: names the line that is wrong.
    """
    try:
        rows = read_labelled_file(file)
        found = [Labelled(row.photo.read_bytes(), row.question, row.answers, row.candidates) for row in rows]
    except (LabelledFileError, OSError) as error:
        raise UsageError(str(error)) from error
    return found if any(row.candidates for row in found) else _with_lists(found)


def _with_lists(rows: list[Labelled]) -> list[Labelled]:
    """Each with a list of its answer and the most frequent other answers in its language."""
    spelt = {_plain(row.answers[0]): row.answers[0] for row in rows}
    frequent = Counter(_plain(row.answers[0]) for row in rows).most_common(10 * LIST_LENGTH)
    listed = []
    for row in rows:
        others = [
            spelt[text]
            for text, _ in frequent
            if not row.is_right(text) and language_of(text) == language_of(row.answers[0])
        ]
        candidates = (row.answers[0], *others[: LIST_LENGTH - 1]) if others else ()
        listed.append(replace(row, candidates=tuple(sorted(candidates))))
    return listed


def _plain(text: str) -> str:
    return "".join(text.lower().split())
