"""Lines that `vitrine` prints: verdicts for people, JSON for programs."""

import json
from typing import Any

from vitrine_client.results import Answer, Choice


def row_as_json(photo: str, question: str, result: Answer | Choice, time_ms: float) -> str:
    fields = result.to_dict()
    answer = fields.pop("text")
    return as_json({"photo": photo, "question": question, "answer": answer, **fields, "time_ms": round(time_ms, 1)})


def as_json(fields: dict[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False)


def verdict_line(result: Answer | Choice) -> str:
    """Write a verdict for people; a reason says what there is to say of the confidence."""
    sure = "uncalibrated" if result.confidence is None else f"confidence {result.confidence:.3f}"
    verdict = f"hand over to a person: {result.reason}" if result.reason else f"{result.status}, {sure}"
    return f"{result.text or '(no answer)'}  ({verdict})"


def question_line(question: str, answer: Answer) -> str:
    return f"{question}  {verdict_line(answer)}"
