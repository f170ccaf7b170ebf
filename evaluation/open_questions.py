"""Asks a running server open questions, and grades the answers."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial

from vitrine_client import InvalidPhotoError, InvalidRequestError, VqaClient

from evaluation.accuracy import Graded
from evaluation.journal import Job, Row
from evaluation.questions import PhotoQuestions

REFUSED = "refused"
"""Status of a question that the server would not take; its answer says why."""


def open_question_jobs(client: VqaClient, groups: Sequence[PhotoQuestions]) -> list[Job]:
    """Make a job of each photo; its rows are `Graded` as dictionaries."""
    return [Job(group.photo, partial(_ask_photo, client, group)) for group in groups]


def grade_rows(rows: Sequence[Row]) -> list[Graded]:
    return [Graded(**{**row, "answers": tuple(row["answers"])}) for row in rows]


def _ask_photo(client: VqaClient, group: PhotoQuestions) -> list[Row]:
    photo = group.load()
    rows = []
    for question in group.questions:
        asked = Graded(
            group.photo, question.kind, question.language, question.text, question.answers, got="", status=REFUSED
        )
        try:
            answer = client.ask(photo, question.text)
            asked = replace(asked, got=answer.text, status=answer.status, confidence=answer.confidence)
        except (InvalidPhotoError, InvalidRequestError) as error:  # one bad line must not end ten thousand
            asked = replace(asked, got=error.message)
        rows.append(asdict(asked))
    return rows
