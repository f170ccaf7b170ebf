"""Answers to what no photo shows: in the shop's own words, out of one product of its catalogue."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from vitrine_client import Answer
from vitrine_client.results import Status

from shop.facts.asked import facts_asked, plain
from shop.facts.kinds import KINDS
from shop.facts.rules import ShopRule, decide
from shop.products.language import language_of
from shop.products.product import LANGUAGES, Language, Product

CATALOGUE, RULE = "catalogue", "rule"
"""`Answer.source` of an answer that the catalogue holds, and of a hand-over that a rule asks for."""
BY_RULE = "a rule of the shop: a person answers"
NOT_THERE = "a rule of the shop: the catalogue answers, but does not say it"
_MOST_CONTEXT_BYTES = 2_000


def answer_from_shop(
    rules: Sequence[ShopRule], question: str, product: Product | None, language: Language | None = None
) -> Answer | None:
    """Answer from the rules and the catalogue, where they do; None: the model is to be asked.

    Args:
        product: None: it is not known.
        language: of the answer; None: the question's.
    """
    action = decide(rules, question, product)
    if action == "hand_over":
        return _answer("", RULE, BY_RULE)
    found = product and answer_from_catalogue(question, product, language, is_forced=action == "catalogue_only")
    return found or (_answer("", RULE, NOT_THERE) if action else None)


def answer_from_catalogue(
    question: str, product: Product, language: Language | None = None, *, is_forced: bool = False
) -> Answer | None:
    """Answer a question after facts of one product.

    Args:
        language: of the answer; None: the question's. Words that the shop has in the other language only are said so.
        is_forced: answer also what the photo shows, such as the colour.

    Returns:
        The answer, without a confidence: it is the shop's word, no estimate. None: it asks for something else, or for
        something that the shop does not say.
    """
    language = language or language_of(question)
    facts = [_fact(one, product, language) for one in facts_asked(question, product, is_forced=is_forced)]
    if not facts or not all(facts):
        return None
    return _answer(("; " if language == "en" else "；").join(dict.fromkeys(facts)), CATALOGUE)


def context_from_product(product: Product) -> str:
    """Write a product as data for a model that reads `CONTEXT`: JSON of at most 2,000 bytes, the rest left out."""
    facts: dict[str, Any] = {
        **{f"name_{language}": name for language, name in product.names.items()},
        "category": product.category,
        "price": _price(product, "en"),
        "stock": _stock(product, "en"),
        **{f"warranty_{language}": text for language, text in product.warranty.items()},
        **{name: value for pairs in product.attributes.values() for name, value in pairs.items()},
    }
    kept: dict[str, Any] = {}
    for name, value in facts.items():
        if value and len(_json(kept | {name: value}).encode()) <= _MOST_CONTEXT_BYTES:
            kept[name] = value
    return _json(kept)


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, ensure_ascii=False).encode("utf-8", "replace").decode()


def _answer(text: str, source: str, reason: str = "") -> Answer:
    status: Status = "hand_over" if reason else "answered"
    return Answer(
        text=text, status=status, confidence=None, reason=reason, alternatives=(),
        heatmap=np.zeros((0, 0), np.float32), release="", request_id="", source=source,
    )  # fmt: skip


def _fact(asked: str, product: Product, language: Language) -> str:
    match asked:
        case "price":
            return _price(product, language)
        case "stock":
            return _stock(product, language)
        case "gtin" if product.gtin:
            return product.gtin
        case "warranty" if product.warranty:
            return _in(language, product.warranty)
    return _attribute(KINDS[asked].names if asked in KINDS else (asked,), product, language)


def _attribute(names: Iterable[str], product: Product, language: Language) -> str:
    """Value of the first name that the shop has, in the language that is asked for before the other."""
    told = {one: {plain(name): value for name, value in pairs.items()} for one, pairs in product.attributes.items()}
    return next((told[one][name] for one in _first(language) for name in names if name in told.get(one, {})), "")


def _in(language: Language, texts: Any) -> str:
    return next((texts[one] for one in _first(language) if one in texts), "")


def _first(language: Language) -> list[Language]:
    return [language, *(one for one in LANGUAGES if one != language)]


def _price(product: Product, language: Language) -> str:
    if product.price is None:
        return ""
    amount, currency = f"{product.price.amount:f}", product.price.currency
    if language == "en":
        return f"{currency} {amount}"
    return f"{amount} 元" if currency == "CNY" else f"{amount} {currency}"


def _stock(product: Product, language: Language) -> str:
    """Say whether there is any; "" where the shop does not say, or says two things."""
    has_some = product.is_in_stock if product.stock is None else product.stock > 0
    if has_some is None or product.is_in_stock not in (None, has_some):
        return ""
    if not has_some:
        return "sold out" if language == "en" else "无货"
    if product.stock is None:
        return "in stock" if language == "en" else "有货"
    return f"in stock: {product.stock}" if language == "en" else f"有货，{product.stock} 件"
