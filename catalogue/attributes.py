"""Attributes of the catalogue's products: category, colour, pattern and number."""

from dataclasses import dataclass
from typing import Literal, get_args

Language = Literal["en", "zh"]
ProductKind = Literal["category", "colour", "pattern", "number", "yes_no", "either_or", "unanswerable"]
Kind = Literal[ProductKind, "no_question", "texture"]

LANGUAGES: tuple[Language, ...] = get_args(Language)
KINDS: tuple[ProductKind, ...] = get_args(ProductKind)
"""Kinds of questions about a product; "no_question", a text that asks nothing, and "texture", which the bundled
checkpoint was not taught, are apart from them."""
MAX_COUNT = 4

CATEGORIES: dict[str, str] = {
    "mug": "马克杯",
    "bottle": "瓶子",
    "t-shirt": "T恤",
    "trousers": "裤子",
    "dress": "连衣裙",
    "shoe": "鞋子",
    "boot": "靴子",
    "sock": "袜子",
    "hat": "帽子",
    "handbag": "手提包",
    "backpack": "背包",
    "umbrella": "雨伞",
    "chair": "椅子",
    "lamp": "台灯",
    "clock": "闹钟",
    "phone": "手机",
    "watch": "手表",
    "glasses": "眼镜",
    "ball": "球",
    "book": "书",
    "vase": "花瓶",
    "kettle": "水壶",
    "sofa": "沙发",
    "guitar": "吉他",
}

COLOURS: dict[str, str] = {
    "red": "红色",
    "orange": "橙色",
    "yellow": "黄色",
    "green": "绿色",
    "cyan": "青色",
    "blue": "蓝色",
    "purple": "紫色",
    "pink": "粉色",
    "brown": "棕色",
    "black": "黑色",
    "white": "白色",
    "grey": "灰色",
}

PATTERNS: dict[str, str] = {
    "plain": "纯色",
    "striped": "条纹",
    "dotted": "波点",
    "checked": "格子",
    "two-tone": "拼色",
}


@dataclass(frozen=True)
class Attributes:
    """The truth about one photo. Words are the English ones, keys of the tables above."""

    category: str
    colour: str
    pattern: str
    count: int


def word(table: dict[str, str], english: str, language: Language) -> str:
    """The word for `english` in `language`."""
    return english if language == "en" else table[english]


def with_article(noun: str) -> str:
    """English only: "a mug", "an umbrella", "a pair of glasses"."""
    if noun in ("glasses", "trousers"):
        return f"a pair of {noun}"
    return f"an {noun}" if noun[0] in "aeiou" else f"a {noun}"


def plural(noun: str) -> str:
    """English only: "mugs", "dresses", "glasses"."""
    if noun in ("glasses", "trousers"):
        return noun
    return noun + ("es" if noun.endswith(("s", "ch")) else "s")
