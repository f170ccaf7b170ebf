"""Questions asked in a hurry, and texts that are no question: how often a given answer is wrong."""

from collections.abc import Sequence
from functools import partial

from vitrine_client import VqaClient

from catalogue.dataset import first_seed, odd_questions_from_seed
from evaluation.accuracy import plain
from evaluation.figures import Figure, share
from evaluation.journal import Job, Row
from evaluation.questions import draw_photo

SHORT_SECTION = "short and colloquial questions"
NONE_SECTION = "texts that are no question"
_SHORT_PER_PHOTO, _NONE_PER_PHOTO = 6, 4


def odd_jobs(client: VqaClient, photos: int, *, first_photo: int) -> list[Job]:
    """Make a job of each photo: six short questions, and four texts that ask nothing, none ever trained on."""
    first = first_seed("test") + first_photo
    return [Job(str(seed), partial(_ask_photo, client, seed)) for seed in range(first, first + photos)]


def odd_figures(rows: Sequence[Row]) -> list[Figure]:
    """Shares of wrong answers among the given ones and of given ones, in all, by language and by kind."""
    short = [row for row in rows if row["kind"] != "no_question"]
    found = []
    for name in ("all", *sorted({row["language"] for row in short}), *sorted({row["kind"] for row in short})):
        part = [row for row in short if name in ("all", row["language"], row["kind"])]
        given = [row for row in part if row["status"] == "answered"]
        found += share(SHORT_SECTION, f"wrong among the answered, {name}", [not row["right"] for row in given])
        found += share(SHORT_SECTION, f"answered, {name}", [row["status"] == "answered" for row in part])
    none = [row for row in rows if row["kind"] == "no_question"]
    for status in ("answered", "cannot_tell", "hand_over"):
        found += share(NONE_SECTION, status, [row["status"] == status for row in none])
    return found


def _ask_photo(client: VqaClient, seed: int) -> list[Row]:
    photo = draw_photo(seed)
    rows = []
    for question in odd_questions_from_seed(seed, "test", short=_SHORT_PER_PHOTO, none=_NONE_PER_PHOTO):
        answer = client.ask(photo, question.text)
        rows.append(
            {
                "kind": question.kind,
                "language": question.language,
                "question": question.text,
                "answer": question.answer,
                "got": answer.text,
                "status": answer.status,
                "confidence": answer.confidence,
                "right": plain(answer.text) == plain(question.answer),
            }
        )
    return rows
