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
_IS_IT = (
    r"(?:(?:is|are|does|do|can) (?:it|this|that|they|these|those|the \w+)|[这它那]?个?是?)? ?{}的?[吗嘛么]?"
    r"[^a-z\u4e00-\u9fff]*"
)
"""Question after an attribute of the shop's by its name alone: "is it dishwasher safe", 可进洗碗机吗."""
_PARTS = re.compile(r"[?;。]+|,? and (?=(?:how|what|is|are|do|does|can|when|which)\b)")
"""Signs and words between two questions."""
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
    whole = _asked(text, product, is_forced=is_forced)
    parts = [one for one in _PARTS.split(text) if one.strip()]
    if whole and len(parts) > 1:
        of_parts = [_asked(one.strip(), product, is_forced=is_forced) for one in parts]
        if all(of_parts):  # else a part adds to another: "this mug, how much is it"
            return list(dict.fromkeys(one for of_part in of_parts for one in of_part))
    return whole


def _asked(text: str, product: Product, *, is_forced: bool) -> list[str]:
    """See `facts_asked`; of one question, in plain form."""
    if OTHER_MATTER.search(text) or (VISUAL.search(text) and not is_forced):
        return []
    names = [name for name in _names_of(product) if re.fullmatch(_IS_IT.format(re.escape(name)), text)]
    if not names and not _JUDGES.search(text):
        names = _own_names(text, product)
    of_names = {_NAMES.get(name, "") for name in names}
    rest = text
    for name in names:
        rest = rest.replace(name, " ")
    named = [kind for kind, fact in KINDS.items()
             if kind not in of_names and _is_named(kind, text) and not _has(fact.unless, text)]  # fmt: skip
    clear = [kind for kind, fact in KINDS.items() if kind not in {*of_names, *named}
             and _has(fact.asks, text) and _has(fact.asks, rest) and not _has(fact.unless, text)]  # fmt: skip
    found = [kind for kind in KINDS if kind in {*named, *clear}]
    kinds = [kind for kind in found if not KINDS[kind].is_vague] or ([] if names else found)
    return [one for one in [*kinds, *names] if is_forced or _NAMES.get(one, one) not in VISUAL_KINDS]


def _is_named(kind: str, text: str) -> bool:
    """Tell whether a name of the kind stands there; a short one, such as "care", only where it is asked for."""
    return not _JUDGES.search(text) and any(
        _stands(name, text, _FRAME if len(name) < _LONG else "") for name in KINDS[kind].names
    )


def _names_of(product: Product) -> set[str]:
    return {plain(name) for pairs in product.attributes.values() for name in pairs}


def _own_names(text: str, product: Product) -> list[str]:
    """Names of attributes that stand in a question, the longest first; "weight" is not found again in "net weight"."""
    found = []
    for name in sorted(_names_of(product), key=lambda one: (-len(one), one)):
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
    own = set() if product is None else _names_of(product)
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
