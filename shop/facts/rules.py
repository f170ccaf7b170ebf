"""Rules on who answers: read from YAML, checked with line numbers, and applied to a question.

    rules:
      - if: {category: food}
        asks: [allergy, ingredients]
        do: hand_over
      - asks: [material]
        words: [真皮, genuine]
        do: catalogue_only

A rule without `if` is for all products. `if` may have `category` (a word of its path), and `attributes` by the shop's
names.
`hand_over`: a person answers; `catalogue_only`: the catalogue does, or a person. The stricter one of two wins.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from command_line.errors import UsageError
from shop.facts.asked import kinds_asked, plain
from shop.facts.kinds import KINDS
from shop.products.product import Product

Action = Literal["hand_over", "catalogue_only"]
_FIELDS = ("if", "asks", "words", "do")
_CONDITIONS = ("category", "attributes")


class ShopRulesError(UsageError):
    """The file of rules is wrong; says in which line, and what is expected."""


@dataclass(frozen=True)
class ShopRule:
    """One rule."""

    do: Action
    asks: tuple[str, ...] = ()
    """Kinds of questions, keys of `KINDS`."""
    words: tuple[str, ...] = ()
    """Words, one of which stands in the question."""
    category: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


def read_shop_rules(file: Path) -> tuple[ShopRule, ...]:
    """Read a file of rules.

    Raises:
        ShopRulesError: it cannot be read, or is not as above.
    """
    try:
        root = yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ShopRulesError(f"{file.name} cannot be read ({error.strerror}): name a file that is there") from error
    except UnicodeDecodeError as error:
        raise ShopRulesError(f"{file.name} cannot be read: a file in UTF-8 is expected") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ShopRulesError(f"{file.name}, line {line}: not YAML ({error.problem})") from error
    except yaml.YAMLError as error:
        raise ShopRulesError(f"{file.name}: not YAML") from error
    if root is None:
        return ()
    try:
        [(_, rules)] = _pairs(root, ("rules",))
        if not isinstance(rules, yaml.SequenceNode):
            raise _WrongError(rules, "a list of rules is expected, each with - before it")
        return tuple(_rule(node) for node in rules.value)
    except _WrongError as error:
        raise ShopRulesError(f"{file.name}, line {error.line}: {error}") from error


def decide(rules: Sequence[ShopRule], question: str, product: Product | None) -> Action | None:
    """Tell what the rules say of a question; None: nothing.

    Args:
        product: None: it is not known, so that rules with `if` say nothing.
    """
    asked, text = kinds_asked(question, product), plain(question)
    fitting = {
        rule.do for rule in rules
        if _is_about(rule, product) and (asked & set(rule.asks) or any(_stands_in(word, text) for word in rule.words))
    }  # fmt: skip
    return next((action for action in get_args(Action) if action in fitting), None)


def _is_about(rule: ShopRule, product: Product | None) -> bool:
    if not rule.category and not rule.attributes:
        return True
    if product is None:
        return False
    told = {plain(name): plain(text) for pairs in product.attributes.values() for name, text in pairs.items()}
    is_category = not rule.category or _stands_in(rule.category, plain(product.category))
    return is_category and all(told.get(plain(name)) == plain(text) for name, text in rule.attributes.items())


def _stands_in(word: str, text: str) -> bool:
    """Tell whether a word stands in a text; an English one as a whole ("food" is not in "seafood")."""
    found = re.escape(plain(word))
    return re.search(rf"(?<![a-z0-9]){found}(?![a-z0-9])" if re.search("[a-z0-9]", found) else found, text) is not None


class _WrongError(Exception):
    def __init__(self, node: yaml.Node, message: str) -> None:
        super().__init__(message)
        self.line = node.start_mark.line + 1


def _rule(node: yaml.Node) -> ShopRule:
    parts = dict(_pairs(node, _FIELDS))
    if "do" not in parts or not parts.keys() & {"asks", "words"}:
        raise _WrongError(node, "`do`, and `asks` or `words`, are expected")
    action = _text(parts["do"])
    if action not in get_args(Action):
        raise _WrongError(parts["do"], f"{action!r} came, but {' or '.join(get_args(Action))} is expected")
    kinds = _texts(parts["asks"]) if "asks" in parts else ()
    if unknown := next((kind for kind in kinds if kind not in KINDS), None):
        raise _WrongError(
            parts["asks"], f"{unknown!r} came, but of {', '.join(KINDS)} is expected; others go to `words`"
        )
    conditions = dict(_pairs(parts["if"], _CONDITIONS)) if "if" in parts else {}
    attributes = dict(_pairs(conditions["attributes"])) if "attributes" in conditions else {}
    return ShopRule(
        do=action,  # type: ignore[arg-type]  # it is one of them, as looked up above
        asks=kinds,
        words=_texts(parts["words"]) if "words" in parts else (),
        category=_text(conditions["category"]) if "category" in conditions else "",
        attributes={name: _text(value) for name, value in attributes.items()},
    )


def _pairs(node: Any, known: tuple[str, ...] = ()) -> list[tuple[str, yaml.Node]]:
    expected = " or ".join(f"`{name}`" for name in known) or "a name"
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise _WrongError(node, f"{expected} with a colon is expected")
    pairs = [(_text(key), key, value) for key, value in node.value]
    for number, (name, key, _) in enumerate(pairs):
        if known and name not in known:
            raise _WrongError(key, f"{name!r} came, but {expected} is expected")
        if name in [other for other, *_ in pairs[:number]]:
            raise _WrongError(key, f"{name!r} stands here a second time")
    return [(name, value) for name, _, value in pairs]


def _texts(node: yaml.Node) -> tuple[str, ...]:
    words = node.value if isinstance(node, yaml.SequenceNode) else []
    return tuple(map(_text, words or [node]))


def _text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
        raise _WrongError(node, "a word is expected")
    return str(node.value).strip()
