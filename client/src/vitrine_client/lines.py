"""Lines that `vitrine` prints: verdicts for people, JSON for programs."""

import json
from typing import Any

from vitrine_client.reading import Reading
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


def reading_lines(reading: Reading) -> list[str]:
    """Write what was read for people: lines in their order, then codes, each with how sure it is."""
    lines = [
        f"{'' if line.status == 'sure' else '? '}{line.text}"
        + ("" if line.confidence is None else f"  ({line.confidence:.3f})")
        for line in reading.lines
    ]
    left_out = [f"... and {reading.lines_left_out} lines more"] if reading.lines_left_out else []
    codes = [f"{code.text}  ({code.kind})" for code in reading.codes]
    written = lines + left_out + codes or ["(nothing is written there)"]
    return [printable(line) for line in written]


def printable(line: str) -> str:
    """Escape what a QR code or a caller may have put in: line breaks would forge lines, a terminal obeys controls."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in line)


def question_line(question: str, answer: Answer) -> str:
    return f"{question}  {verdict_line(answer)}"


def clock(time_s: float) -> str:
    """Write a time in a video as minutes, seconds and tenths."""
    minutes, tenths = divmod(round(time_s * 10), 600)
    return f"{minutes}:{tenths // 10:02d}.{tenths % 10}"
