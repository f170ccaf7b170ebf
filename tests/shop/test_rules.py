"""Rules on who answers: read, refused with their lines, and applied, in both languages."""

from pathlib import Path

import pytest

from shop.facts.answers import answer_from_shop
from shop.facts.rules import ShopRulesError, decide, read_shop_rules
from shop.products.product import Product

RULES = """
rules:
  - if: {category: food}
    asks: [allergy, ingredients]
    do: hand_over
  - if: {attributes: {材质: 真皮}}
    words: [护理]
    do: hand_over
  - asks: [material, colour]
    words: [genuine, 正品]
    do: catalogue_only
"""
NUTS = Product(
    "tea",
    "n",
    category="Food > Snacks",
    attributes={"en": {"material": "paper", "Color": "green"}, "zh": {"配料": "花生"}},
)
SEA = Product("tea", "s", category="Seafood")
BAG = Product("tea", "b", category="bags", attributes={"zh": {"材质": "真皮"}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "shop_rules.yaml"


@pytest.mark.parametrize(
    ("english", "chinese", "product", "action"),
    [
        ("does it contain peanuts?", "含花生吗？", NUTS, "hand_over"),
        ("Is this gluten free", "对麸质过敏能吃吗", NUTS, "hand_over"),
        ("what are the ingredients", "配料有什么", NUTS, "hand_over"),
        ("does it contain peanuts?", "含花生吗？", SEA, None),
        ("does it contain peanuts?", "含花生吗？", None, None),
        ("what is it made of?", "什么材质？", NUTS, "catalogue_only"),
        ("is the material soft?", "材质软吗？", SEA, "catalogue_only"),
        ("is it genuine?", "是正品吗？", None, "catalogue_only"),
        ("what colour is it?", "什么颜色？", SEA, "catalogue_only"),
        ("how many are there?", "有几个？", NUTS, None),
        ("how much is it?", "多少钱？", NUTS, None),
    ],
)
def test_rules_decide_alike_in_both_languages(
    file: Path, english: str, chinese: str, product: Product | None, action: str | None
) -> None:
    file.write_text(RULES, "utf-8")
    rules = read_shop_rules(file)
    assert decide(rules, english, product) == action
    assert decide(rules, chinese, product) == action


def test_a_rule_may_ask_for_an_attribute_and_the_stricter_of_two_wins(file: Path) -> None:
    file.write_text(RULES, "utf-8")
    rules = read_shop_rules(file)
    assert decide(rules, "材质怎么护理", BAG) == "hand_over"
    assert decide(rules, "材质怎么护理", SEA) == "catalogue_only"


def test_rules_end_in_answers(file: Path) -> None:
    file.write_text(RULES, "utf-8")
    rules = read_shop_rules(file)
    found = answer_from_shop(rules, "含花生吗？", NUTS)
    assert found is not None
    assert (found.status, found.source, found.text) == ("hand_over", "rule", "")
    found = answer_from_shop(rules, "what colour is it?", NUTS)
    assert found is not None
    assert (found.status, found.source, found.text) == ("answered", "catalogue", "green")
    found = answer_from_shop(rules, "what is it made of?", SEA)
    assert found is not None, "the catalogue does not say it, and the photo may not"
    assert (found.status, found.source) == ("hand_over", "rule")
    assert answer_from_shop(rules, "how many are there?", NUTS) is None
    assert answer_from_shop((), "what colour is it?", NUTS) is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules:\n  - asks: [price]\n", "line 2: `do`, and `asks` or `words`, are expected"),
        ("rules:\n  - do: hand_over\n", "line 2: `do`, and `asks` or `words`, are expected"),
        ("rules:\n  - asks: [price]\n    do: refuse\n", "line 3: 'refuse' came, but hand_over or catalogue_only"),
        ("rules:\n  - asks: [prices]\n    do: hand_over\n", "line 2: 'prices' came, but of price, stock"),
        ("rules:\n  - if: {categroy: food}\n    asks: [price]\n    do: hand_over\n", "line 2: 'categroy' came"),
        (
            "rules:\n  - if: {}\n    asks: [price]\n    do: hand_over\n",
            "line 2: `category` or `attributes` with a colon",
        ),
        ("rules:\n  - asks: [price]\n    do: hand_over\n    do: hand_over\n", "line 4: 'do' stands here a second time"),
        ("rules:\n  - asks:\n    do: hand_over\n", "line 2: a word is expected"),
        ("rules:\n  - asks: []\n    do: hand_over\n", "line 2: a word is expected"),
        ("rules: price\n", "line 1: a list of rules"),
        ("rule: []\n", "line 1: 'rule' came"),
        ("- asks\n", "line 1: `rules` with a colon"),
        ("rules:\n  - [\n", "line 3: not YAML"),
        ("rules:\n  - &a [*a]\n", "line 2: `if` or `asks`"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(file: Path, text: str, message: str) -> None:
    file.write_text(text, "utf-8")
    with pytest.raises(ShopRulesError) as caught:
        read_shop_rules(file)
    assert str(caught.value).startswith(f"shop_rules.yaml, {message}")


def test_files_that_cannot_be_read_are_refused_and_an_empty_one_has_no_rules(file: Path) -> None:
    with pytest.raises(ShopRulesError, match="No such file or directory"):
        read_shop_rules(file)
    file.write_bytes("规则".encode("gb18030"))
    with pytest.raises(ShopRulesError, match="UTF-8"):
        read_shop_rules(file)
    file.write_text("# none yet\n", "utf-8")
    assert read_shop_rules(file) == ()
