"""Closed lists: whether the right one of ten allowed answers is chosen."""

import random
from collections.abc import Sequence
from functools import partial

from vitrine_client import VqaClient

from catalogue.questions import allowed_answers
from evaluation.accuracy import plain
from evaluation.figures import Figure, share
from evaluation.journal import Job, Row
from evaluation.questions import LabelledQuestion, PhotoQuestions

SECTION = "closed lists"
LENGTH = 10
_ATTRIBUTES = ("category", "colour", "pattern", "number")


def list_jobs(client: VqaClient, groups: Sequence[PhotoQuestions]) -> list[Job]:
    """Make a job of each photo that has questions with lists: the data's own, or up to 10 values of the attribute."""
    listed = [(group, [(q, c) for q in group.questions if (c := candidates_for(group, q))]) for group in groups]
    return [Job(group.photo, partial(_choose, client, group, questions)) for group, questions in listed if questions]


def candidates_for(group: PhotoQuestions, question: LabelledQuestion) -> tuple[str, ...]:
    if question.candidates or not question.drawn or question.kind not in _ATTRIBUTES:
        return question.candidates
    return allowed_answers(question.drawn, random.Random(f"{group.photo} {question.text}"), most=LENGTH)


def list_figures(rows: Sequence[Row]) -> list[Figure]:
    found = []
    for name in ("all", *sorted({row["language"] for row in rows}), *sorted({row["kind"] for row in rows})):
        part = [row for row in rows if name in ("all", row["language"], row["kind"])]
        given = [row for row in part if row["status"] == "answered"]
        found += share(SECTION, f"right among the answered, {name}", [row["right"] for row in given])
        found += share(SECTION, f"answered, {name}", [row["status"] == "answered" for row in part])
    return found


def _choose(
    client: VqaClient, group: PhotoQuestions, questions: Sequence[tuple[LabelledQuestion, tuple[str, ...]]]
) -> list[Row]:
    photo = group.load()
    rows = []
    for question, candidates in questions:
        choice = client.choose(photo, question.text, candidates)
        rows.append(
            {
                "kind": question.kind,
                "language": question.language,
                "question": question.text,
                "candidates": candidates,
                "got": choice.text,
                "status": choice.status,
                "confidence": choice.confidence,
                "right": plain(choice.text) in map(plain, question.answers),
            }
        )
    return rows
