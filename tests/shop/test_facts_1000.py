"""A thousand questions that no photo answers, in wordings that no pattern was written on, about known products."""

import random
from collections.abc import Iterator, Mapping
from decimal import Decimal

from shop.facts.answers import answer_from_catalogue
from shop.products.product import LANGUAGES, Language, Money, Product
from tests.shop.development_wordings import DEVELOPMENT
from tests.shop.held_out_wordings import HELD_OUT

MOST_WRONG_RATIO = 0.01
Wordings = Mapping[str, Mapping[str, tuple[str, ...]]]
_ZH = {"weight": "重量", "material": "材质", "origin": "产地", "power": "功率", "noise level": "噪音等级"}


def product_of(number: int) -> Product:
    """Draw a product whose every fact is its own: no answer fits another one."""
    rng = random.Random(number)
    attributes: dict[Language, dict[str, str]] = {
        "en": {name: f"{name} {number} en" for name in _ZH} | {"Color": "red", "use": "indoors"},
        "zh": {name: f"{name}{number}" for name in _ZH.values()} | {"颜色": "红色", "用途": "室内"},
    }
    return Product(
        shop="tea", sku=str(number), names={"en": f"Mug {number}", "zh": f"杯子{number}"}, price=Money(Decimal(rng.randint(100, 99_999)) / 100 + number, "CNY"), stock=1_000 + number,
        gtin=str(4_000_000_000_000 + number), warranty={"en": f"{number} months", "zh": f"{number} 个月"},
        attributes=attributes,
    )  # fmt: skip


def expected(kind: str, product: Product, language: Language) -> str | None:
    assert product.price is not None
    own = {
        "": (None, None),
        "price": (f"CNY {product.price.amount}", f"{product.price.amount} 元"),
        "stock": (f"in stock: {product.stock}", f"有货，{product.stock} 件"),
        "warranty": (product.warranty["en"], product.warranty["zh"]),
        "gtin": (product.gtin, product.gtin),
    }
    if kind in own:
        return own[kind][language == "zh"]
    return product.attributes[language][kind if language == "en" else _ZH[kind]]


def asked(wordings: Wordings, count: int | None = None) -> Iterator[tuple[str, str, Language, Product]]:
    """Each wording about one product after another, until there are so many; None: each once."""
    every = [(kind, text, language) for kind, by_language in wordings.items() for language in LANGUAGES
             for text in by_language[language]]  # fmt: skip
    for number in range(count or len(every)):
        yield *every[number % len(every)], product_of(1 + number)


def wrong(wordings: Wordings, count: int | None = None) -> list[tuple[str, str | None, str | None]]:
    found = []
    for kind, question, language, product in asked(wordings, count):
        answer = answer_from_catalogue(question, product, language)
        if (text := answer and answer.text) != (right := expected(kind, product, language)):
            found.append((question, right, text))
    return found


def test_the_development_list_is_answered_rightly() -> None:
    assert not wrong(DEVELOPMENT)


def test_a_thousand_questions_in_wordings_kept_apart_are_answered_rightly() -> None:
    found = wrong(HELD_OUT, 1_000)
    assert len(found) <= MOST_WRONG_RATIO * 1_000, found


def test_the_two_lists_share_no_question_that_asks_for_a_fact() -> None:
    texts = [{text.lower() for kind, by in one.items() for language in LANGUAGES for text in by[language] if kind}
             for one in (DEVELOPMENT, HELD_OUT)]  # fmt: skip
    shared = texts[0] & texts[1]
    assert len(shared) <= len(texts[1]) // 20, shared
