"""Closed lists of words for categories, colours, patterns, currencies and stock, in both languages."""

import re
import unicodedata
from collections.abc import Iterable, Mapping

from catalogue.attributes import CATEGORIES, COLOURS, PATTERNS, plural

_MORE: dict[str, dict[str, tuple[str, ...]]] = {
    "category": {
        "mug": ("cup", "杯子", "茶杯", "咖啡杯"),
        "bottle": ("瓶", "水瓶"),
        "t-shirt": ("tshirt", "t shirt", "tee", "t恤衫", "短袖"),
        "trousers": ("pants", "长裤"),
        "dress": ("裙子", "长裙"),
        "shoe": ("sneaker", "trainer", "鞋", "运动鞋", "球鞋"),
        "boot": ("靴", "长靴"),
        "sock": ("袜", "短袜"),
        "hat": ("cap", "帽"),
        "handbag": ("purse", "手袋", "挎包"),
        "backpack": ("rucksack", "双肩包", "书包"),
        "umbrella": ("伞",),
        "lamp": ("desk lamp", "灯", "灯具"),
        "clock": ("alarm clock", "钟", "时钟"),
        "phone": ("mobile phone", "smartphone", "cell phone", "智能手机"),
        "watch": ("wristwatch", "腕表"),
        "glasses": ("spectacles",),
        "ball": ("皮球",),
        "book": ("书本", "书籍"),
        "kettle": ("烧水壶", "热水壶"),
        "sofa": ("couch",),
    },
    "colour": {
        "yellow": ("golden yellow",),
        "blue": ("navy", "navy blue", "sky blue", "藏青色", "天蓝色", "深蓝色", "浅蓝色"),
        "purple": ("violet", "紫罗兰色"),
        "pink": ("粉红色",),
        "brown": ("咖啡色", "褐色"),
        "orange": ("橘色", "橙黄色", "橘黄色"),
        "cyan": ("turquoise", "青绿色"),
        "grey": ("gray",),
    },
    "pattern": {
        "plain": ("solid", "solid colour", "solid color", "素色", "无图案"),
        "striped": ("stripe", "条纹的", "横条", "竖条"),
        "dotted": ("polka dot", "spotted", "圆点", "点点"),
        "checked": ("checkered", "chequered", "plaid", "tartan", "格纹", "格子"),
        "two-tone": ("two tone", "双色"),
    },
    "in_stock": {
        "yes": ("in stock", "available", "not sold out", "现货", "有货", "有库存", "没卖完"),
        "no": ("out of stock", "not in stock", "sold out", "unavailable", "not available", "缺货", "无货", "没货", "没有货",
               "没有现货", "售罄", "卖完"),
    },
}  # fmt: skip
CURRENCIES: Mapping[str, str] = {
    spelling: currency
    for currency, spellings in {
        "CNY": "¥ rmb cny yuan kuai renminbi 人民币 元 块钱 块 圆", "USD": "us$ $ usd dollar dollars buck bucks 美元 美金",
        "HKD": "hk$ hkd 港币 港元", "EUR": "€ eur euro euros 欧元", "GBP": "£ gbp pound pounds 英镑", "JPY": "jpy yen 日元",
    }.items()
    for spelling in spellings.split()
}  # fmt: skip
_FILLING = """
a also an and any anything are be but can could display do does find for from get give good great has have hello hi i i'd
i'm in is it it's its item items just kind like look looking made make maybe me my need nice of on one ones only or other
please pls preferably price priced product products same search should show similar so some something style stuff sort
than thank thanks that the them then there these thing things this those to too type want we what which wish with would
you your colour colors color colours coloured colored pattern patterned design print
类似 相似 差不多 一样 同样 同款 类型 款式 样式 这样 那样 这个 那个 这款 那款 这种 那种 这件 那件 但是 但 不过 可是 而且 并且 还有 还要
我 想要 想买 想 要 买 找 来 给 看看 看 请问 请 帮 帮忙 有没有 有 吗 呢 吧 啊 呀 嘛 的话 的 了 是 和 跟 与 或者 或 还是 也 就 都 最好 必须 只 只要
价格 价钱 预算 颜色 图案 花纹 商品 产品 东西 宝贝 货 款 一个 一件 一双 一款 一种 一些 个 件 双 条 种 你好 您好 谢谢 亲 能 可以 行 在 里 像 推荐 其他 别的
"""
FILLING = frozenset(_FILLING.split())
"""Words that may stand in a wish and add nothing to it."""
_TABLES = {"category": CATEGORIES, "colour": COLOURS, "pattern": PATTERNS}


def _terms() -> dict[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name, more in _MORE.items():
        table = _TABLES.get(name, {})
        for word in (*table, *more):
            for spelling in (word, *([table[word]] if word in table else []), *more.get(word, ())):
                found[spelling.lower()] = (name, word)
                if name in ("category", "pattern") and spelling[-1].isascii():
                    found[plural(spelling.lower())] = (name, word)
    for word, chinese in COLOURS.items():
        found[chinese.removesuffix("色") + "的"] = ("colour", word)
    del found["yes"], found["no"]
    return found


TERMS: Mapping[str, tuple[str, str]] = _terms()
"""From each spelling to its field and the closed list's word: "cups" to ("category", "mug"), "有货" to ("in_stock", "yes")."""


def plain_text(text: str) -> str:
    """Return a text in lower case, with full-width signs as plain ones and one space between words."""
    return " ".join(unicodedata.normalize("NFKC", text).lower().replace("’", "'").split())


def one_of(spellings: Iterable[str]) -> str:
    """Return a regular expression of any spelling, the longest first; those of Latin letters are whole words."""
    found = []
    for one in sorted(spellings, key=len, reverse=True):
        start = r"(?<![a-z])" if one[0].isascii() and one[0].isalpha() else ""
        end = r"(?![a-z])" if one[-1].isascii() and one[-1].isalpha() else ""
        found.append(f"{start}{re.escape(one)}{end}")
    return "|".join(found)


_CHINESE_CATEGORIES = one_of(
    spelling for spelling, (name, _) in TERMS.items() if name == "category" and not spelling.isascii()
)
SHORT_COLOURS: Mapping[str, str] = {chinese.removesuffix("色"): word for word, chinese in COLOURS.items()}
"""Chinese colours without their last sign, which are colours only before a product: 红裙子."""
TERM = re.compile(rf"{one_of(TERMS)}|[{''.join(SHORT_COLOURS)}](?={_CHINESE_CATEGORIES})")


def meaning_of(term: str) -> tuple[str, str]:
    """Return field and word of what `TERM` matches."""
    return TERMS[term] if term in TERMS else ("colour", SHORT_COLOURS[term])


def word_of(name: str, text: str) -> str:
    """Return the closed list's word for a shop's own, such as "mug" for "Kitchen > Mugs"; "" where not one is in it.

    Args:
        name: "category", "colour" or "pattern".
    """
    found = {value for field, value in map(meaning_of, TERM.findall(plain_text(text))) if field == name}
    return found.pop() if len(found) == 1 else ""
