"""What a question asks for: kinds of facts, and the shop's own names of attributes."""

import re
import unicodedata

from rapidfuzz import process
from rapidfuzz.distance import OSA

from catalogue.traditional import simplified_character
from shop.facts.kinds import KINDS, OTHER_MATTER, VISUAL, VISUAL_KINDS
from shop.products.product import Product

SIMILARITY = 0.85
"""Similarity from which a word is a misspelt one: one slip in seven letters. Lower, "height" would be "weight"."""
_LONG = 6
_MOST_CHARACTERS = 1_000
"""Characters of a text that are looked at; a question is shorter."""
_WORD = re.compile(r"[a-z]{5,}")
_FRAME = (
    r"(?:\b(?:what|which|the|its|this|it's|'s|about|know|tell me|exact|full|much|your|product|item|any|of|and)\s+|^\W*)"
)
"""What stands before a name that is asked for; "can I use it" does not ask for the attribute "use"."""
_JUDGES = re.compile(
    r"^(?!.*\b(?:what|how|which)\b)"
    r"(?:is|are|was|does|has|will|would|should|do (?!you)|can (?!you|i (?:know|get|ask|have))|could (?!you))\b|"
    r"^(?!.*(?:什么|多少|哪|几|知道|告诉|说一?下|多大|多重|啥)).*(?:[吗嘛么]|怎么样|如何)[^a-z\u4e00-\u9fff]*$|(.)不\1",
    re.ASCII,
)
"""Questions after an opinion on a fact, such as "is the material soft", which the fact does not answer."""
_NAMES = {name: kind for kind, fact in KINDS.items() for name in fact.names}
_VOCABULARY = frozenset(
    word for name in [*_NAMES, "available", "manufacture", "manufactured"] for word in _WORD.findall(name)
)


def plain(text: str) -> str:
    """Make texts alike that differ in case, width, simplified or traditional characters, and white space only."""
    text = unicodedata.normalize("NFKC", text[:_MOST_CHARACTERS]).lower().replace("’", "'").replace("_", " ")
    return " ".join("".join(simplified_character(character) for character in text).split())


def kinds_asked(question: str, product: Product | None = None) -> set[str]:
    """Return all kinds that a question is about, also where it asks for an opinion: for rules, which must miss none."""
    text = _spelt(plain(question), product)
    return {kind for kind, fact in KINDS.items()
            if _has(fact.asks, text) or any(_stands(name, text, "") for name in fact.names)}  # fmt: skip


def facts_asked(question: str, product: Product, *, is_forced: bool = False) -> list[str]:
    """Return what a question asks to be told: kinds, and names of this product's attributes, in plain form.

    Args:
        is_forced: ask the catalogue also for what the photo shows.
    """
    text = _spelt(plain(question), product)
    if OTHER_MATTER.search(text) or (VISUAL.search(text) and not is_forced):
        return []
    names = [] if _JUDGES.search(text) else _own_names(text, product)
    of_names = {_NAMES.get(name, "") for name in names}
    named = [kind for kind, fact in KINDS.items()
             if kind not in of_names and _is_named(kind, text) and not _has(fact.unless, text)]  # fmt: skip
    clear = [kind for kind, fact in KINDS.items() if kind not in {*of_names, *named}
             and _has(fact.asks, text) and not _has(fact.unless, text)]  # fmt: skip
    found = [kind for kind in KINDS if kind in {*named, *clear}]
    kinds = [kind for kind in found if not KINDS[kind].is_vague] or ([] if names else found)
    return [one for one in [*kinds, *names] if is_forced or _NAMES.get(one, one) not in VISUAL_KINDS]


def _is_named(kind: str, text: str) -> bool:
    """Tell whether a name of the kind stands there; a short one, such as "care", only where it is asked for."""
    return not _JUDGES.search(text) and any(
        _stands(name, text, _FRAME if len(name) < _LONG else "") for name in KINDS[kind].names
    )


def _own_names(text: str, product: Product) -> list[str]:
    """Names of attributes that stand in a question, the longest first; "weight" is not found again in "net weight"."""
    found = []
    names = {plain(name) for pairs in product.attributes.values() for name in pairs}
    for name in sorted(names, key=lambda one: (-len(one), one)):
        unless = KINDS[_NAMES[name]].unless if name in _NAMES else r"(?!)"
        if len(name) > 1 and _stands(name, text, _FRAME) and not _has(unless, text):
            found.append(name)
            text = text.replace(name, " ")
    return found


def _stands(name: str, text: str, frame: str) -> bool:
    if not re.match("[a-z0-9]", name):
        return name in text
    return _has(rf"{frame}(?<![a-z0-9]){re.escape(name)}s?(?![a-z0-9])", text)


def _has(pattern: str, text: str) -> bool:
    """Search with a Chinese character as the end of an English word: "EAN码"."""
    return re.search(pattern, text, re.ASCII) is not None


def _spelt(text: str, product: Product | None) -> str:
    """Put misspelt English names of facts right: letters that changed places, or one slip in a long word."""
    own = set() if product is None else {plain(name) for pairs in product.attributes.values() for name in pairs}
    words = _VOCABULARY | {word for name in own for word in _WORD.findall(name)}
    letters = {"".join(sorted(word)): word for word in words}

    def right(found: re.Match[str]) -> str:
        word = str(found[0])
        if word in words:
            return word
        if swapped := letters.get("".join(sorted(word))):
            return str(swapped)
        best = process.extractOne(word, words, scorer=OSA.normalized_similarity, score_cutoff=SIMILARITY)
        return str(best[0]) if best else word

    return _WORD.sub(right, text)
