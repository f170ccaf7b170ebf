"""Questions about a photo, with their answers."""

import random
import re
from collections.abc import Sequence
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
from catalogue.no_questions import NOT_UNDERSTOOD, no_question
from catalogue.short_wordings import CLOSERS as SHORT_CLOSERS
from catalogue.short_wordings import OPENERS as SHORT_OPENERS
from catalogue.short_wordings import SHORT_WORDINGS, SUBJECTS_ZH
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

SHORT_KINDS: tuple[Kind, ...] = ("category", "colour", "pattern", "number", "yes_no", "unanswerable")
_CHINESE = re.compile("[\u4e00-\u9fff]")
_COUNTS = {str(n): str(n) for n in range(1, MAX_COUNT + 1)}
_TABLES = {"category": CATEGORIES, "colour": COLOURS, "pattern": PATTERNS, "count": _COUNTS}


@dataclass(frozen=True)
class Question:
    text: str
    language: Language
    kind: Kind
    answer: str
    short: bool = False
    """Draw a question as of someone in a hurry: one word, colloquial, misspelt, or two languages at once."""


def truth(attributes: Attributes, attribute: str, language: Language) -> str:
    """The value of one attribute ("category", "colour", "pattern", "count"), as said in `language`."""
    return word(_TABLES[attribute], str(getattr(attributes, attribute)), language)


def question_for(attributes: Attributes, kind: Kind, language: Language, split: Split, rng: random.Random) -> Question:
    """Ask one question of `kind`, in a wording of `split`."""
    template = rng.choice(WORDINGS[split][language][kind])
    fields, answer = _fields_and_answer(attributes, kind, template, language, rng)
    sentence = _fill(template, fields, attributes, language, rng)
    return Question(_around(sentence, OPENERS[language], CLOSERS[language], rng), language, kind, answer)


def short_question_for(
    attributes: Attributes, kind: Kind, language: Language, split: Split, rng: random.Random
) -> Question:
    """Ask one question of `kind`, one of SHORT_KINDS, as people in a hurry do.

    Its language is that of its text: a Chinese buyer's "color?" is answered in English.
    """
    template = rng.choice(SHORT_WORDINGS[split][language][kind])
    if language == "zh" and kind not in ("category", "yes_no"):
        template = rng.choice(SUBJECTS_ZH) + template
    fields, _ = _fields_and_answer(attributes, kind, template, language, random.Random(seed := rng.random()))
    sentence = _fill(template, fields, attributes, language, rng)
    text = _around(sentence, SHORT_OPENERS[language], SHORT_CLOSERS[language], rng)
    written: Language = "zh" if _CHINESE.search(text) else "en"
    _, answer = _fields_and_answer(attributes, kind, template, written, random.Random(seed))
    return Question(text, written, kind, answer, short=True)


def no_question_for(split: Split, rng: random.Random) -> Question:
    """Draw a text that asks nothing about a product; its answer is that it is not understood."""
    text = no_question(split, rng)
    language: Language = "zh" if _CHINESE.search(text) else "en"
    return Question(text, language, "no_question", NOT_UNDERSTOOD[language])


def _fields_and_answer(
    attributes: Attributes, kind: Kind, template: str, language: Language, rng: random.Random
) -> tuple[dict[str, str], str]:
    match kind:
        case "category" | "colour" | "pattern":
            return {}, truth(attributes, kind, language)
        case "number":
            return {}, truth(attributes, "count", language)
        case "yes_no":
            return _yes_no(attributes, template, language, rng)
        case "either_or":
            return _either_or(attributes, language, rng)
        case "unanswerable":
            return {}, CANNOT_TELL[language]
        case "no_question" | "texture":
            raise ValueError(f"{kind} has wordings of its own: see no_question_for and textures.py")


def _fill(template: str, fields: dict[str, str], attributes: Attributes, language: Language, rng: random.Random) -> str:
    nouns = NOUNS[language]
    noun = truth(attributes, "category", language) if rng.random() < 0.5 else rng.choice(nouns)
    return template.format(
        noun=noun,
        nouns=plural(noun),
        noun0=rng.choice(nouns),  # for questions that the category's own name would answer
        **fields,
        **{f"a_{name}": with_article(value) for name, value in fields.items()},
    )


def _around(sentence: str, openers: Sequence[str], closers: Sequence[str], rng: random.Random) -> str:
    asks = sentence.endswith(("吗", "吧", "嘛", "不"))
    fitting = [c for c in closers if not (asks and c[:1] in ("呢", "呀", "啊", "哦"))]
    text = rng.choice(openers) + sentence + rng.choice(fitting)
    return text[0].upper() + text[1:]


def allowed_answers(
    question: Question, rng: random.Random, *, most: int, lacks_the_answer: bool = False
) -> tuple[str, ...]:
    """Draw a closed list for a question: values of the attribute it asks for, in any order; () where there is none.

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
        case "unanswerable" | "no_question" | "texture":
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
