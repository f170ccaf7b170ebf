"""Labelled questions to tune a checkpoint on: our JSON Lines, dialogues, or the format of VQA v2."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evaluation.questions import DataError, from_vqa_v2
from measuring.labelled_file import LabelledFileError, LabelledRow, row_from
from vitrine_steps.verdict import language_of

_PERSON, _MODEL = ("user", "human"), ("assistant", "gpt")
_PLACEHOLDER = "<image>"
_EXPECTED = (
    'a line with "photo", "question" and "answer", or with "messages" as in transformers and LLaMA-Factory, is expected'
)


@dataclass(frozen=True)
class Example:
    """One question about one photo."""

    photo: Path
    question: str
    answers: tuple[str, ...]
    """Right answers; the first one is what is taught."""
    product: str
    """What the photo shows: all questions about it are on one side of a split."""
    kind: str
    language: str
    where: str
    """File and line."""
    weight: float = 1.0
    """How often it is asked, beside others with 1."""

    def as_row(self) -> dict[str, Any]:
        """A line of our JSON Lines."""
        return {
            "photo": str(self.photo.resolve()),
            "question": self.question,
            "answers": list(self.answers),
            "product": self.product,
            "kind": self.kind,
            "language": self.language,
        }


@dataclass(frozen=True)
class Fault:
    """A line that cannot be used."""

    where: str
    reason: str


def read_examples(
    files: Sequence[Path], vqa_v2: tuple[Path, Path, Path] | None = None
) -> tuple[list[Example], list[Fault]]:
    """Read all that can be read, and say what cannot.

    Args:
        files: JSON Lines, or a JSON list, as LLaMA-Factory has them.
        vqa_v2: questions, annotations, and a folder of photos.

    Raises:
        DataError: a file is not there, or no text.
    """
    examples: list[Example] = []
    faults: list[Fault] = []
    for file in files:
        for where, row in _rows_of(file):
            try:
                examples += _examples_from(row, where, file.parent)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                known = str(error) if isinstance(error, LabelledFileError) else f"{where}: {_EXPECTED} ({error})"
                faults.append(Fault(where, known.removeprefix(f"{where}: ")))
    for group in from_vqa_v2(*vqa_v2) if vqa_v2 else ():
        for asked in group.questions:
            where = f"{vqa_v2[0] if vqa_v2 else ''}, {asked.text}"
            row = LabelledRow(Path(group.photo), asked.text, _by_frequency(asked.answers), kind=asked.kind)
            examples.append(_example(row, where, product=group.photo))
    return examples, faults


def _rows_of(file: Path) -> Iterator[tuple[str, Any]]:
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {file}: {error}") from error
    if text.lstrip().startswith("["):
        try:
            rows = json.loads(text)
        except ValueError as error:
            raise DataError(f"{file} begins like a JSON list, but is none: {error}") from error
        yield from ((f"{file}, entry {number}", row) for number, row in enumerate(rows, 1))
        return
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield f"{file}, line {number}", line


def _examples_from(row: Any, where: str, folder: Path) -> list[Example]:
    row = json.loads(row) if isinstance(row, str) else row
    if not isinstance(row, dict):
        raise TypeError(f"{type(row).__name__} came")
    if "messages" in row or "conversations" in row:
        return list(_of_dialogue(row, where, folder))
    return [_example(row_from(row, where, folder), where, product=str(row.get("product") or ""),
                     weight=_weight_of(row))]  # fmt: skip


def _example(row: LabelledRow, where: str, *, product: str = "", weight: float = 1.0) -> Example:
    language = row.language or language_of(row.question)
    product = product or hashlib.sha256(row.photo.read_bytes()).hexdigest()
    return Example(row.photo, row.question, row.answers, product, row.kind or "any", language, where, weight)


def _of_dialogue(row: dict[str, Any], where: str, folder: Path) -> Iterator[Example]:
    """Every answer in a dialogue, with the question before it and the photo that was last shown."""
    photos = list(row.get("images", []))
    shown: str | None = None
    question = ""
    for message in row.get("messages") or row["conversations"]:
        role, content = message.get("role", message.get("from")), message.get("content", message.get("value"))
        parts = [{"type": "text", "text": content}] if isinstance(content, str) else content
        text = "".join(str(part["text"]) for part in parts if part["type"] == "text")
        for part in parts:
            if part["type"] == "image":
                shown = str(part.get("path") or part.get("image") or part.get("url"))
        for _ in range(text.count(_PLACEHOLDER)):
            shown = str(photos.pop(0))
        if role in _PERSON:
            question = text.replace(_PLACEHOLDER, "").strip()
        elif role in _MODEL:
            if shown is None:
                raise ValueError("an answer about no photo")
            line = {"photo": shown, "question": question, "answer": text.strip(), **_described(row)}
            yield _example(
                row_from(line, where, folder), where, product=str(row.get("product") or ""), weight=_weight_of(row)
            )


def _described(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("kind", "language") if name in row}


def _weight_of(row: dict[str, Any]) -> float:
    weight = float(row.get("weight", 1.0))
    if not 1e-6 <= weight <= 1e6:
        raise ValueError(f"the weight {weight:g} came, but a number above 0 is expected")
    return weight


def _by_frequency(answers: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted(set(answers), key=lambda answer: (-answers.count(answer), answers.index(answer))))
