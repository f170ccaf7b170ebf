"""A thousand questions that no photo answers, in wordings that no pattern was written on, about known products."""

import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal

import pytest

from shop.facts.answers import answer_from_catalogue, context_from_product
from shop.products.product import LANGUAGES, Language, Money, Product
from tests.shop.development_wordings import DEVELOPMENT
from tests.shop.held_out_wordings import HELD_OUT

MOST_WRONG_RATIO = 0.01
MOST_TRAPS_RATIO = 0.10
"""Share of questions after something else that get a fact all the same: a true one of that product, 8 of 100."""
Wordings = Mapping[str, Mapping[str, tuple[str, ...]]]
FACTS = {kind: by_language for kind, by_language in HELD_OUT.items() if kind}
TRAPS = {"": HELD_OUT[""]}
_ZH = {"weight": "重量", "material": "材质", "origin": "产地", "power": "功率", "noise level": "噪音等级"}
MUG = Product(
    shop="tea",
    sku="m-1",
    names={"en": "Mug"},
    price=Money(Decimal("59.00"), "CNY"),
    warranty={"zh": "两年"},
    attributes={
        "en": {"Material": "porcelain", "Gross weight": "400 g", "Use": "indoors", "Color": "red"},
        "zh": {"容量": "300 毫升"},
    },
)


def product_of(number: int) -> Product:
    """Draw a product whose every fact is its own: no answer fits another one."""
    rng = random.Random(number)
    attributes: dict[Language, dict[str, str]] = {
        "en": {name: f"{name} {number} en" for name in _ZH} | {"Color": "red", "use": "indoors"},
        "zh": {name: f"{name}{number}" for name in _ZH.values()} | {"颜色": "红色", "用途": "室内"},
    }
    return Product(
        shop="tea",
        sku=str(number),
        names={"en": f"Mug {number}", "zh": f"杯子{number}"},
        gtin=str(4_000_000_000_000 + number),
        price=Money(Decimal(rng.randint(100, 99_999)) / 100 + number, "CNY"),
        stock=1_000 + number,
        warranty={"en": f"{number} months", "zh": f"{number} 个月"},
        attributes=attributes,
    )


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
    """Give each wording about one product after another, until there are so many; None: each once."""
    every = [(kind, text, language) for kind, by_language in wordings.items() for language in LANGUAGES
             for text in by_language[language]]  # fmt: skip
    for number in range(count or len(every)):
        yield *every[number % len(every)], product_of(1 + number)


def wrong(wordings: Wordings, count: int | None = None) -> list[tuple[str, str | None, str | None]]:
    """Question, right answer and what was answered instead."""
    found = []
    for kind, question, language, product in asked(wordings, count):
        answer = answer_from_catalogue(question, product, language)
        text = None if answer is None else answer.text
        if text != (right := expected(kind, product, language)):
            found.append((question, right, text))
    return found


def test_the_development_list_is_answered_rightly() -> None:
    assert not wrong(DEVELOPMENT)


def test_a_thousand_questions_in_wordings_kept_apart_are_answered_rightly() -> None:
    found = wrong(FACTS, 1_000)
    assert len(found) <= MOST_WRONG_RATIO * 1_000, found
    assert all(text is None for *_, text in found), "what is not answered goes to the model"


def test_questions_after_something_else_are_left_to_the_model() -> None:
    count = sum(len(texts) for texts in HELD_OUT[""].values())
    found = wrong(TRAPS)
    assert len(found) <= MOST_TRAPS_RATIO * count, found


def test_the_two_lists_share_few_questions() -> None:
    texts = [{text.lower() for by_language in one.values() for language in LANGUAGES for text in by_language[language]}
             for one in (DEVELOPMENT, HELD_OUT)]  # fmt: skip
    assert len(texts[0] & texts[1]) <= len(texts[1]) // 20, texts[0] & texts[1]


@pytest.mark.parametrize(
    ("english", "chinese", "answers"),
    [
        ("how much is it?", "多少钱？", ("CNY 59.00", "59.00 元")),
        ("HOW MUCH IS IT", "價格是多少", ("CNY 59.00", "59.00 元")),
        ("what is the warranty?", "保修多久？", ("两年", "两年")),
        ("what is the capacity?", "容量多大？", ("300 毫升", "300 毫升")),
        ("what is the materail?", "什么材质？", ("porcelain", "porcelain")),
        (
            "how much is it and what is it made of?",
            "多少钱，什么材质？",
            ("CNY 59.00; porcelain", "59.00 元；porcelain"),
        ),
        ("is it in stock?", "有货吗？", (None, None)),
        ("what is the barcode?", "条码是多少？", (None, None)),
        ("what is the net weight?", "净重多少？", (None, None)),
        ("what is the height?", "多高？", (None, None)),
        ("what colour is it?", "什么颜色？", (None, None)),
        ("can I use it outdoors?", "能在室外用吗？", (None, None)),
        ("is the material soft?", "材质软吗？", (None, None)),
        ("how much is it and is it in stock?", "多少钱，有货吗？", (None, None)),
        ("", "", (None, None)),
        ("?" * 5_000, "？" * 5_000, (None, None)),
    ],
)
def test_answers_are_alike_in_both_languages(
    english: str, chinese: str, answers: tuple[str | None, str | None]
) -> None:
    found = [answer_from_catalogue(english, MUG, "en"), answer_from_catalogue(chinese, MUG, "zh")]
    assert tuple(answer and answer.text for answer in found) == answers
    assert all(
        (answer.source, answer.status, answer.confidence) == ("catalogue", "answered", None)
        for answer in found
        if answer
    )


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("How much is it and is it in stock?", "多少钱，有货吗？"),
        ("How much is it? Is it in stock?", "多少钱？有货吗？"),
        ("What's the price, and is it in stock?", "价格是多少？还有货吗？"),
    ],
)
def test_of_two_questions_both_are_answered(english: str, chinese: str) -> None:
    product = replace(MUG, stock=5)
    found = [answer_from_catalogue(english, product), answer_from_catalogue(chinese, product)]
    assert [answer and answer.text for answer in found] == ["CNY 59.00; in stock: 5", "59.00 元；有货，5 件"]


@pytest.mark.parametrize(
    ("english", "chinese"),
    [
        ("Is it dishwasher safe?", "可进洗碗机吗？"),
        ("dishwasher safe?", "可进洗碗机"),
        ("are they dishwasher safe", "它可进洗碗机吗"),
    ],
)
def test_whether_it_is_what_the_shop_has_a_name_for(english: str, chinese: str) -> None:
    product = replace(MUG, attributes={"en": {"dishwasher safe": "yes"}, "zh": {"可进洗碗机": "是"}})
    found = [answer_from_catalogue(english, product), answer_from_catalogue(chinese, product)]
    assert [answer and answer.text for answer in found] == ["yes", "是"]


def test_a_name_of_the_shop_is_told_apart_from_a_kind_like_it() -> None:
    found = answer_from_catalogue("what is the gross weight?", MUG)
    assert found is not None
    assert found.text == "400 g"
    assert answer_from_catalogue("how heavy is it?", MUG) is None, "the gross weight is not the product's"


@pytest.mark.parametrize(
    ("stock", "is_in_stock", "english", "chinese"),
    [
        (12, None, "in stock: 12", "有货，12 件"),
        (12, True, "in stock: 12", "有货，12 件"),
        (None, True, "in stock", "有货"),
        (None, False, "sold out", "无货"),
        (0, None, "sold out", "无货"),
        (0, True, None, None),
        (12, False, None, None),
        (None, None, None, None),
    ],
)
def test_stock_is_said_as_the_shop_says_it(
    stock: int | None, is_in_stock: bool | None, english: str | None, chinese: str | None
) -> None:
    product = replace(MUG, stock=stock, is_in_stock=is_in_stock)
    found = [answer_from_catalogue(question, product) for question in ("in stock?", "有货吗")]
    assert [answer and answer.text for answer in found] == [english, chinese]


def test_a_context_is_data_of_at_most_2000_bytes() -> None:
    assert '"price": "CNY 59.00"' in context_from_product(MUG)
    large = replace(MUG, attributes={"zh": {f"属性{number}": "值" * 50 for number in range(100)}})
    assert 1_500 < len(context_from_product(large).encode()) <= 2_000
