"""Questions about a photo, with their answers."""

import random
from dataclasses import dataclass

from catalogue.attributes import (
    CATEGORIES,
    COLOURS,
    MAX_COUNT,
    PATTERNS,
    Attributes,
    Kind,
    Language,
    plural,
    with_article,
    word,
)
from catalogue.wordings import (
    CANNOT_TELL,
    CLOSERS,
    NO,
    NOUNS,
    OPENERS,
    WORDINGS,
    YES,
    Split,
)

_COUNTS = {str(n): str(n) for n in range(1, MAX_COUNT + 1)}
_TABLES = {"category": CATEGORIES, "colour": COLOURS, "pattern": PATTERNS, "count": _COUNTS}


@dataclass(frozen=True)
class Question:
    text: str
    language: Language
    kind: Kind
    answer: str


def truth(attributes: Attributes, attribute: str, language: Language) -> str:
    """The value of one attribute ("category", "colour", "pattern", "count"), as said in `language`."""
    return word(_TABLES[attribute], str(getattr(attributes, attribute)), language)


def question_for(attributes: Attributes, kind: Kind, language: Language, split: Split, rng: random.Random) -> Question:
    """Ask one question of `kind`, in a wording of `split`."""
    template = rng.choice(WORDINGS[split][language][kind])
    fields: dict[str, str] = {}
    match kind:
        case "category" | "colour" | "pattern":
            answer = truth(attributes, kind, language)
        case "number":
            answer = truth(attributes, "count", language)
        case "yes_no":
            fields, answer = _yes_no(attributes, template, language, rng)
        case "either_or":
            fields, answer = _either_or(attributes, language, rng)
        case "unanswerable":
            answer = CANNOT_TELL[language]
    nouns = NOUNS[language]
    noun = truth(attributes, "category", language) if rng.random() < 0.5 else rng.choice(nouns)
    sentence = template.format(
        noun=noun,
        nouns=plural(noun),
        noun0=rng.choice(nouns),  # for questions that the category's own name would answer
        **fields,
        **{f"a_{name}": with_article(value) for name, value in fields.items()},
    )
    closers = [c for c in CLOSERS[language] if not (sentence.endswith("吗") and c[:1] in ("呢", "呀"))]
    text = rng.choice(OPENERS[language]) + sentence + rng.choice(closers)
    return Question(text[0].upper() + text[1:], language, kind, answer)


def allowed_answers(
    question: Question, rng: random.Random, *, most: int, lacks_the_answer: bool = False
) -> tuple[str, ...]:
    """A closed list for a question: values of the attribute it asks for, in any order; () where there is none.

    Args:
        most: at most so many.
        lacks_the_answer: leave the right answer out.
    """
    match question.kind:
        case "category" | "colour" | "pattern":
            values = words(question.kind, question.language)
        case "number":
            values = words("count", question.language)
        case "yes_no":
            values = [YES[question.language], NO[question.language]]
        case "either_or":
            return ()
        case "unanswerable":
            values = words(rng.choice(list(_TABLES)), question.language)
    others = [value for value in values if value != question.answer]
    holds = question.answer in values and not lacks_the_answer
    chosen = rng.sample(others, min(len(others), most - holds)) + [question.answer] * holds
    rng.shuffle(chosen)
    return tuple(chosen)


def words(attribute: str, language: Language) -> list[str]:
    """All values of an attribute ("category", "colour", "pattern", "count"), as said in `language`."""
    return [word(_TABLES[attribute], english, language) for english in _TABLES[attribute]]


def _yes_no(
    attributes: Attributes, template: str, language: Language, rng: random.Random
) -> tuple[dict[str, str], str]:
    attribute = next(name for name in _TABLES if f"{name}}}" in template)
    right = truth(attributes, attribute, language)
    if rng.random() < 0.5:
        return {attribute: right}, YES[language]
    return {attribute: _another(attribute, right, language, rng)}, NO[language]


def _either_or(attributes: Attributes, language: Language, rng: random.Random) -> tuple[dict[str, str], str]:
    attribute = rng.choice(list(_TABLES))
    right = truth(attributes, attribute, language)
    pair = [right, _another(attribute, right, language, rng)]
    rng.shuffle(pair)
    return {"a": pair[0], "b": pair[1]}, right


def _another(attribute: str, right: str, language: Language, rng: random.Random) -> str:
    return rng.choice([value for value in words(attribute, language) if value != right])
