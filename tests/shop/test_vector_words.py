"""Buyers' words turned into filters, English and Chinese side by side."""

import re
from typing import Any

import pytest

from shop.vectors.port import Filter
from shop.vectors.words import wish_from_words

SAME: tuple[tuple[str, str, dict[str, Any], dict[str, tuple[str, ...]]], ...] = (
    ("like this, but blue, under 100 yuan", "类似的，但是要蓝色的，低于100元", {"currency": "CNY", "price_below": 100}, {"colour": ("blue",)}),
    ("like this, but blue, at most 100 yuan, in stock", "类似的，但是要蓝色的，100块以下，有货", {"currency": "CNY", "price_at_most": 100, "in_stock": ("yes",)}, {"colour": ("blue",)}),
    ("a red mug", "红色的马克杯", {"category": ("mug",)}, {"colour": ("red",)}),
    ("red mugs", "红马克杯", {"category": ("mug",)}, {"colour": ("red",)}),
    ("RED MUG!!", "红色马克杯！！", {"category": ("mug",)}, {"colour": ("red",)}),
    ("Do you have this in green or yellow?", "这款有绿色或者黄色的吗？", {}, {"colour": ("green", "yellow")}),
    ("a striped dress in white", "白色条纹连衣裙", {"category": ("dress",)}, {"colour": ("white",), "pattern": ("striped",)}),
    ("a polka dot t-shirt", "波点T恤", {"category": ("t-shirt",)}, {"pattern": ("dotted",)}),
    ("sneakers or boots", "运动鞋或者靴子", {"category": ("shoe", "boot")}, {}),
    ("not red", "不要红色", {"not": {"colour": ("red",)}}, {}),
    ("anything but red or blue", "除了红色和蓝色以外", {"not": {"colour": ("red", "blue")}}, {}),
    ("not red but blue", "不要红色的，要蓝色的", {"not": {"colour": ("red",)}}, {"colour": ("blue",)}),
    ("neither red nor blue", "红色和蓝色都不要", {"not": {"colour": ("red", "blue")}}, {}),
    ("red, not green", "要红色的不喜欢绿色", {"not": {"colour": ("green",)}}, {"colour": ("red",)}),
    ("blue, not red", "要蓝色不考虑红色", {"not": {"colour": ("red",)}}, {"colour": ("blue",)}),
    ("I hate red", "我讨厌红色", {"not": {"colour": ("red",)}}, {}),
    ("avoid red", "别给我红的", {"not": {"colour": ("red",)}}, {}),
    ("I don't like red", "红的不行", {"not": {"colour": ("red",)}}, {}),
    ("no stripes please", "不要条纹", {"not": {"pattern": ("striped",)}}, {}),
    ("less than ¥1,200", "少于1,200元", {"currency": "CNY", "price_below": 1200}, {}),
    ("up to 99.9 rmb", "最多99.9元", {"currency": "CNY", "price_at_most": 99.9}, {}),
    ("no more than 150", "不超过一百五十", {"currency": "CNY", "price_at_most": 150}, {}),
    ("over $20", "超过20美元", {"currency": "USD", "price_above": 20}, {}),
    ("at least 20 dollars", "至少20美金", {"currency": "USD", "price_at_least": 20}, {}),
    ("20 euros or more", "20欧元以上", {"currency": "EUR", "price_at_least": 20}, {}),
    ("between 50 and 100 yuan", "50到100元之间", {"currency": "CNY", "price_at_least": 50, "price_at_most": 100}, {}),
    ("between 100 and 50 yuan", "100-50元", {"currency": "CNY", "price_at_least": 50, "price_at_most": 100}, {}),
    ("¥50-¥100", "５０～１００元", {"currency": "CNY", "price_at_least": 50, "price_at_most": 100}, {}),
    ("above 50 and below 100", "高于50，低于100", {"currency": "CNY", "price_above": 50, "price_below": 100}, {}),
    ("under 200, max 100", "低于200，最高100", {"currency": "CNY", "price_below": 200, "price_at_most": 100}, {}),
    ("under 2k yuan", "低于2千元", {"currency": "CNY", "price_below": 2000}, {}),
    ("available", "现货", {"in_stock": ("yes",)}, {}),
    ("not sold out", "有现货吗", {"in_stock": ("yes",)}, {}),
    ("sold out", "缺货", {"in_stock": ("no",)}, {}),
    ("hello, can you show me something similar?", "你好，能给我找类似的商品吗？", {}, {}),
    ("", " ", {}, {}),
)  # fmt: skip


@pytest.mark.parametrize(("english", "chinese", "must", "wanted"), SAME)
def test_both_languages_mean_the_same(english: str, chinese: str, must: dict, wanted: dict) -> None:
    expected = {name: value for name, value in must.items() if name.startswith(("price", "currency"))}
    any_of = {name: value for name, value in must.items() if name in ("category", "in_stock")}
    for text in (english, chinese):
        wish = wish_from_words(text, "a")
        assert wish.filter == Filter("a", **expected, any_of=any_of, none_of=must.get("not", {})), text
        assert wish.wanted == wanted, text
        assert (wish.contradictions, wish.not_understood) == ((), ()), text


@pytest.mark.parametrize("text", ["especially red", "特别是红色", "颜色分别是红色", "红色的不好吗？", "红色好不好看"])
def test_a_word_that_looks_like_no_is_none(text: str) -> None:
    wish = wish_from_words(text, "a")
    assert (wish.filter.none_of, wish.wanted) == ({}, {"colour": ("red",)})


CHINESE_PRICES = {
    "百元以内": 100, "一百块以下": 100, "两百以内": 200, "一百二十元以内": 120, "一百五以内": 150, "一千零五十元以内": 1050,
    "三万五以内": 35000, "十块以内": 10, "1.5万元以内": 15000, "二〇〇元以内": 200, "１００元以内": 100, "¥100封顶": 100,
}  # fmt: skip


@pytest.mark.parametrize("text", CHINESE_PRICES)
def test_amounts_as_they_are_written_in_chinese(text: str) -> None:
    wish = wish_from_words(text, "a")
    assert wish.filter == Filter("a", currency="CNY", price_at_most=CHINESE_PRICES[text])
    assert wish.not_understood == ()


CONTRADICTIONS = (
    ("blue but not blue", "蓝色的，不要蓝色的", ["blue", "blue"]),
    ("over 200 and under 100", "200以上，100以下", None),
    ("above 100 and below 100", "高于100，低于100", None),
    ("under 100 yuan, over 20 dollars", "低于100元，超过20美元", None),
    ("in stock, sold out", "有货，缺货", ["yes", "no"]),
)


@pytest.mark.parametrize(("english", "chinese", "values"), CONTRADICTIONS)
def test_what_cannot_be_together_is_said_and_not_used(english: str, chinese: str, values: list[str] | None) -> None:
    for text in (english, chinese):
        wish = wish_from_words(f"mug {text}", "a")
        assert wish.filter == Filter("a", any_of={"category": ("mug",)}), text
        assert wish.wanted == {}, text
        assert len(wish.contradictions) == 2, text
        assert values is None or [one.value for one in wish.contradictions] == values, text


NOT_UNDERSTOOD = (
    ("under 100 cm", ("under", "100", "cm")),
    ("低于100厘米", ("低于", "100", "厘米")),
    ("a golden mug", ("golden",)),
    ("金色的马克杯", ("金色",)),
    ("浅蓝的鞋子", ("浅",)),
    ("cheaper than -5 yuan", ("cheaper", "5", "yuan")),
    ("under 99999999999999 yuan", ("under", "99999999999999", "yuan")),
    ("under 1e400", ("under", "1e400")),
    ("2-3 of them", ("2", "3")),
    ("不要太贵", ("不", "太贵")),
    ("'; DROP TABLE vectors; --", ("drop", "table", "vectors")),
    ("<script>alert(1)</script>", ("script", "alert", "1", "script")),
    ("\ue000\uf123 \x00 🦄", ()),
    ("redder", ("redder",)),
    ("布朗熊", ("布朗熊",)),
)


@pytest.mark.parametrize(("text", "words"), NOT_UNDERSTOOD)
def test_what_is_in_no_list_is_handed_back(text: str, words: tuple[str, ...]) -> None:
    wish = wish_from_words(text, "a")
    assert wish.not_understood == words
    assert wish.filter.bounds() == {}


@pytest.mark.parametrize("text", ["cheaper please", "便宜一点的", "有更便宜的吗"])
def test_cheaper_means_than_the_product_that_is_looked_at(text: str) -> None:
    assert wish_from_words(text, "a", currency="USD", price=80).filter == Filter("a", currency="USD", price_below=80)
    assert wish_from_words(text, "a").not_understood != ()


def test_what_was_understood_comes_with_the_buyers_own_words() -> None:
    wish = wish_from_words("类似的，不要红色，最多 100 元的Mugs", "a")
    assert [(one.words, one.field, one.value, one.is_wanted) for one in wish.understood] == [
        ("不要红色", "colour", "red", False), ("mugs", "category", "mug", True), ("最多 100 元", "price", "at most 100 CNY", True),
    ]  # fmt: skip


def test_a_text_without_end_is_read_to_a_thousand_characters() -> None:
    for text in ("blue " * 100_000, "9" * 100_000, "一" * 100_000, "not " * 100_000, "不要" * 100_000):
        assert wish_from_words(text, "a").filter == Filter("a")
    assert re.search("blue", str(wish_from_words("blue " * 100_000, "a").wanted))
