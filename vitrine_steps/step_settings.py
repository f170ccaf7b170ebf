"""Reads `step.json`: what the Python steps need to know of a checkpoint and its family. The builder writes it."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from vitrine_steps.file_format import FIELD, require_format
from vitrine_steps.photo.fit import Fit

FILE = "step.json"
STEP_FORMAT = 1
_REMEDY = "build the repository again with python -m builders"


@dataclass(frozen=True)
class FamilySettings:
    """What holds for every checkpoint of a family, or follows from its configuration."""

    pad_id: int
    """Token id behind texts that are shorter than others."""
    unknown_id: int | None
    """Token id of words that the tokenizer does not know; None: it knows all."""
    prefix_tokens: int
    """Tokens that the tokenizer puts before a text, which answers do not begin with."""
    splits_words: bool
    """True where Chinese characters and hyphens are tokens apart, so that their spaces are taken out of answers; False
    where tokens hold their own spaces."""
    end_id: int | None
    """Token id that ends an answer, where the tokenizer does not put it behind a text itself; None: it does."""
    suffix_ids: tuple[int, ...]
    """Token ids behind a question, such as the rest of a chat template."""
    context_text: str | None
    """What a caller's context is put into, at `{context}`, before a question; None: the family reads none."""
    photo_fit: Fit
    """How a photo comes into the square."""
    leading_image_tokens: int | None
    """Image tokens before the patches, such as a class token; None: attention shows no place, and maps are all zero."""


@dataclass(frozen=True)
class StepSettings:
    """Everything that stands in `step.json`, beside its format."""

    family: FamilySettings
    cannot_tell_answers: dict[str, list[str]] = field(default_factory=dict)
    """Answers that mean "the photo does not show it", by language."""
    not_understood_answers: dict[str, list[str]] = field(default_factory=dict)
    """Answers that mean that a text asks nothing that is understood, by language."""
    answer_spelling: dict[str, str] = field(default_factory=dict)
    """Whole answers that the tokenizer cannot spell, from how it does to how they are written."""

    def cannot_tell(self) -> list[str]:
        """Answers that mean "the photo does not show it", of all languages."""
        return [text for texts in self.cannot_tell_answers.values() for text in texts]

    def not_understood(self) -> list[str]:
        """Answers that mean that a text asks nothing that is understood, of all languages."""
        return [text for texts in self.not_understood_answers.values() for text in texts]


def settings_to_json(settings: StepSettings) -> dict[str, Any]:
    return {FIELD: STEP_FORMAT, **asdict(settings)}


def read_settings(folder: Path) -> StepSettings:
    """Read the file in a model's version folder.

    Raises:
        FormatError: the file is of another format.
    """
    content = json.loads((folder / FILE).read_text(encoding="utf-8"))
    require_format(content, STEP_FORMAT, file=FILE, remedy=_REMEDY)
    return StepSettings(
        FamilySettings(**content["family"] | {"suffix_ids": tuple(content["family"]["suffix_ids"])}),
        content["cannot_tell_answers"],
        content["not_understood_answers"],
        content["answer_spelling"],
    )
