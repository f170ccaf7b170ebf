"""Reads and applies house rules: the shop's own words, and words that must never be said.

They stand in `answer_rules.yaml` in the built repository, for each language:

    format: 1                   # of this file; may be left out
    en:
      say:                      # the shop's word: what the model may say instead
        navy: [blue, dark blue]
      never_say: [fake, cheap]
    zh:
      say:
        藏青色: [蓝色]
      never_say: [假货]"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from vitrine_steps.verdict import HAND_OVER, LANGUAGES, Verdict

FILE = "answer_rules.yaml"
FORBIDDEN = "a house rule forbids the answer"
RULES_FORMAT = 1
_FORMAT = "format"
_PARTS = ("say", "never_say")
_ASCII_WORD = "[a-z0-9]"
_SPACE_BESIDE_SIGN = re.compile(r"\s+(?=[^\w\s])|(?<=[^\w\s])\s+")


class RulesError(ValueError):
    """The file is wrong; says in which line, and what is expected."""


@dataclass(frozen=True)
class AnswerRules:
    """The rules of one file."""

    words: dict[str, dict[str, str]]
    """Shop's words by language, and by what the model says instead."""
    forbidden: re.Pattern[str] | None
    """Finds a word of `never_say`, of any language, in an answer; None: there are none."""


@dataclass(frozen=True)
class RuledAnswer:
    """An answer and its alternatives as they may be said."""

    texts: list[str]
    """The answer first; "" where it is forbidden."""
    confidences: list[float]
    verdict: Verdict


NO_RULES = AnswerRules({}, None)


def read_rules(file: Path) -> AnswerRules:
    """Read a file of rules.

    Returns:
        `NO_RULES` if there is no such file, or nothing in it.

    Raises:
        RulesError: not as the example above.
    """
    root = _root_of(file)
    if root is None:
        return NO_RULES
    words: dict[str, dict[str, str]] = {}
    never: list[str] = []
    lines: dict[str, int] = {}
    for language, node in _pairs(root, (*LANGUAGES, _FORMAT)):
        if language == _FORMAT:
            _require_format(node)
            continue
        words[language] = {}
        for part, content in _pairs(node, _PARTS):
            if part == "never_say":
                never += _texts(content)
            else:
                words[language] = _synonyms(content, lines)
    rules = AnswerRules(words, re.compile("|".join(map(_word_pattern, never))) if never else None)
    for word in {word for synonyms in words.values() for word in synonyms.values()}:
        if is_forbidden(word, rules):
            raise RulesError(
                f"{file.name}, line {lines[word]}: {word!r} is to be said, and never to be said: remove one"
            )
    return rules


def _root_of(file: Path) -> yaml.Node | None:
    """Parse the file; None where there is none, or nothing in it."""
    if not file.exists():
        return None
    try:
        return yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise RulesError(f"{file.name} is not UTF-8: save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise RulesError(f"{file.name}, line {line}: not YAML ({error.problem})") from error
    except yaml.YAMLError as error:
        raise RulesError(f"{file.name}: not YAML ({error})") from error


def _require_format(node: yaml.Node) -> None:
    if (number := _text(node)) != str(RULES_FORMAT):
        raise _error(
            node, f"format {number} came, but {RULES_FORMAT} is expected: write the rules anew for this version"
        )


def _synonyms(node: yaml.Node, lines: dict[str, int]) -> dict[str, str]:
    """Read one language's `say`: from each synonym to the shop's word.

    Args:
        lines: gets the line in which each of the shop's words stands first.
    """
    words: dict[str, str] = {}
    for word, synonyms in _pairs(node):
        lines.setdefault(word, synonyms.start_mark.line + 1)
        for synonym in _texts(synonyms):
            if other := words.get(_plain(synonym)):
                raise _error(synonyms, f"{synonym!r} is a synonym of {other!r} already: name it once")
            words[_plain(synonym)] = word
    return words


def apply_rules(
    rules: AnswerRules, texts: Sequence[str], confidences: Sequence[float], verdict: Verdict, *, language: str
) -> RuledAnswer:
    """Apply the rules to an answer and its alternatives; those that become alike are one.

    Args:
        texts: the answer first.
        confidences: of each text; NaN where nothing was calibrated.
    """
    words = rules.words.get(language, {})
    spoken: dict[str, float] = {}
    for number, (text, confidence) in enumerate(zip(texts, confidences, strict=True)):
        word = words.get(_plain(text), text)
        if is_forbidden(word, rules):
            if number == 0:
                verdict = Verdict(HAND_OVER, FORBIDDEN)
                spoken[""] = confidence
            continue
        if word not in spoken:
            spoken[word] = confidence
        elif word != next(iter(spoken)):  # the answer's own confidence is what its verdict was read from
            spoken[word] = min(1.0, spoken[word] + confidence)
    return RuledAnswer(list(spoken), list(spoken.values()), verdict)


def is_forbidden(text: str, rules: AnswerRules) -> bool:
    """Tell whether a word of `never_say` stands in a text."""
    return bool(rules.forbidden and rules.forbidden.search(_plain(text)))


def _plain(text: str) -> str:
    """Make texts alike that differ in case, accents and white space only: the decoder says "3. 5" and "cafe"."""
    bare = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if not unicodedata.combining(c))
    return " ".join(_SPACE_BESIDE_SIGN.sub("", bare).split())


def _word_pattern(word: str) -> str:
    """Make a pattern of a word; English ones match whole ("red" is not in "bored"), Chinese ones anywhere."""
    pattern = re.escape(_plain(word))
    before = f"(?<!{_ASCII_WORD})" if re.match(_ASCII_WORD, _plain(word)[0]) else ""
    after = f"(?!{_ASCII_WORD})" if re.match(_ASCII_WORD, _plain(word)[-1]) else ""
    return before + pattern + after


def _pairs(node: yaml.Node, known: tuple[str, ...] | None = None) -> Iterator[tuple[str, yaml.Node]]:
    """Read a mapping: keys, each once, with their nodes.

    Args:
        known: keys that are allowed; None: any text.
    """
    expected = " or ".join(key for key in known if key != _FORMAT) if known else "the shop's word and its synonyms"
    if not isinstance(node, yaml.MappingNode):
        raise _error(node, f"{expected} with a colon is expected")
    seen = set()
    for key, value in node.value:
        text = _text(key)
        if known and text not in known:
            raise _error(key, f"{text!r} came, but {expected} is expected")
        if text in seen:
            raise _error(key, f"{text!r} stands here a second time: put both in one")
        seen.add(text)
        yield text, value


def _texts(node: yaml.Node) -> list[str]:
    """Read a list of texts, or one text."""
    return [_text(item) for item in node.value] if isinstance(node, yaml.SequenceNode) else [_text(node)]


def _text(node: yaml.Node) -> str:
    """Read a text as it is written: `no` is a word here, and `3` is one too."""
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _error(node, "a word, or a list of words in [ ], is expected")
    return str(node.value).strip()


def _error(node: yaml.Node, message: str) -> RulesError:
    return RulesError(f"{FILE}, line {node.start_mark.line + 1}: {message}")
