"""Numbers of questions, and how long people take."""

from dataclasses import dataclass
from statistics import median

from sqlalchemy import Engine, func, select

from vitrine_client.feedback.table import QUESTIONS


@dataclass(frozen=True)
class Counts:
    """How many questions there are, and how long people take."""

    open: int
    answered: int
    dismissed: int
    median_answer_s: float | None
    """From a question to a person's answer, of the last hundred; None: nobody has answered."""


def count_questions(engine: Engine, shop: str | None) -> Counts:
    """Count the questions of one shop, or of all."""
    of_shop = [] if shop is None else [QUESTIONS.c.shop == shop]
    by_state = select(QUESTIONS.c.state, func.count()).where(*of_shop).group_by(QUESTIONS.c.state)
    answers = select(QUESTIONS.c.asked_at, QUESTIONS.c.answered_at)
    answers = answers.where(QUESTIONS.c.state == "answered", *of_shop)
    answers = answers.order_by(QUESTIONS.c.answered_at.desc()).limit(100)
    with engine.connect() as connection:
        found: dict[str, int] = dict(connection.execute(by_state).all())
        taken = [(ended - asked).total_seconds() for asked, ended in connection.execute(answers)]
    waiting, done, dismissed = (found.get(state, 0) for state in ("open", "answered", "dismissed"))
    return Counts(waiting, done, dismissed, median(taken) if taken else None)
