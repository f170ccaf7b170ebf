"""What is printed on drawn labels, in both languages, with the facts that a reader should find in it."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

_FIRST_DAY = date(2024, 1, 1)
_DAYS = 1200
_MASSES_G = (15, 50, 75, 100, 125, 200, 250, 330, 400, 454, 500, 750, 900)
_VOLUMES_ML = (30, 50, 100, 150, 250, 330, 355, 500, 550, 750)
_SIZES = ("S", "M", "L", "XL", "XXL", "170/92A", "175/96A", "180/100A")


@dataclass(frozen=True)
class Printed:
    """One line of a label."""

    text: str
    facts: tuple[tuple[str, str], ...] = ()
    """Kind and value of each, as `vitrine_client.facts` writes them."""


def printed_lines(rng: random.Random, language: str) -> list[Printed]:
    """Draw what a label says: its name first, then 4 to 9 lines in any order."""
    makers = _CHINESE if language == "zh" else _ENGLISH
    chosen = rng.sample(makers, k=rng.randint(4, len(makers)))
    return [_name(rng, language), *(make(rng) for make in chosen)]


def _name(rng: random.Random, language: str) -> Printed:
    if language == "zh":
        return Printed(rng.choice(_KINDS_ZH) + rng.choice(_GOODS_ZH))
    return Printed(f"{rng.choice(_KINDS)} {rng.choice(_GOODS)}")


_KINDS = ("Organic", "Classic", "Natural", "Premium", "Original", "Daily", "Extra Soft", "Mountain")
_GOODS = (
    "Green Tea",
    "Oat Biscuits",
    "Hand Cream",
    "Cotton Shirt",
    "Olive Oil",
    "Soy Sauce",
    "Shampoo",
    "Dark Chocolate",
)
_KINDS_ZH = ("有机", "经典", "天然", "优选", "原味", "家用", "柔软", "高山")
_GOODS_ZH = ("绿茶", "燕麦饼干", "护手霜", "纯棉衬衫", "橄榄油", "酱油", "洗发水", "黑巧克力", "牛奶", "面粉")
_PARTS = ("sugar", "cocoa butter", "milk powder", "wheat flour", "salt", "water", "soy lecithin", "vanilla")
_PARTS_ZH = ("白砂糖", "可可脂", "全脂奶粉", "小麦粉", "食用盐", "饮用水", "大豆磷脂", "植物油", "酵母")
_FIBRES = (("Cotton", "棉"), ("Polyester", "聚酯纤维"), ("Wool", "羊毛"), ("Linen", "亚麻"), ("Viscose", "粘纤"))


def _content(rng: random.Random) -> tuple[int, str, str]:
    """Amount, unit and unit in Chinese."""
    return rng.choice(
        ((rng.choice(_MASSES_G), "g", "克"), (rng.choice(_VOLUMES_ML), "ml", "毫升"), (rng.randint(1, 5), "kg", "千克"))
    )


def _day(rng: random.Random) -> date:
    return _FIRST_DAY + timedelta(rng.randrange(_DAYS))


def _code(rng: random.Random) -> str:
    return f"{''.join(rng.sample('ABCEFGHKMNPRTVX', 2))}-{rng.randint(100, 9999)}"


def _net_en(rng: random.Random) -> Printed:
    amount, unit, _ = _content(rng)
    head = rng.choice(("Net Wt.", "Net weight:", "Net Content:")) if unit != "ml" else "Net Content:"
    return Printed(f"{head} {amount} {unit}", (("net_content", f"{amount} {unit}"),))


def _net_zh(rng: random.Random) -> Printed:
    amount, unit, word = _content(rng)
    return Printed(f"净含量：{amount}{rng.choice((word, unit))}", (("net_content", f"{amount} {unit}"),))


def _made_en(rng: random.Random) -> Printed:
    day = _day(rng)
    return Printed(
        f"{rng.choice(('MFG', 'Made on', 'Production date:'))} {day.isoformat()}", (("made", day.isoformat()),)
    )


def _made_zh(rng: random.Random) -> Printed:
    day = _day(rng)
    written = rng.choice((f"{day.year}年{day.month:02}月{day.day:02}日", day.isoformat(), day.strftime("%Y/%m/%d")))
    return Printed(f"生产日期：{written}", (("made", day.isoformat()),))


def _until_en(rng: random.Random) -> Printed:
    day = _day(rng)
    return Printed(
        f"{rng.choice(('Best before', 'EXP', 'Use by'))} {day.isoformat()}", (("best_before", day.isoformat()),)
    )


def _life_zh(rng: random.Random) -> Printed:
    count, unit, name = rng.choice(
        ((rng.randint(3, 36), "个月", "months"), (rng.choice((7, 21, 90, 180)), "天", "days"))
    )
    return Printed(f"保质期：{count}{unit}", (("shelf_life", f"{count} {name}"),))


def _life_en(rng: random.Random) -> Printed:
    count = rng.randint(3, 36)
    return Printed(f"Shelf life: {count} months", (("shelf_life", f"{count} months"),))


def _fibres(rng: random.Random) -> list[tuple[tuple[str, str], int]]:
    share = rng.choice((50, 60, 70, 80, 95))
    return list(zip(rng.sample(_FIBRES, 2), (share, 100 - share), strict=True))


def _fibres_en(rng: random.Random) -> Printed:
    parts = _fibres(rng)
    return Printed(" ".join(f"{names[0]} {share}%" for names, share in parts), _percentages(parts))


def _fibres_zh(rng: random.Random) -> Printed:
    parts = _fibres(rng)
    return Printed("成分：" + " ".join(f"{names[1]}{share}%" for names, share in parts), _percentages(parts))


def _percentages(parts: list[tuple[tuple[str, str], int]]) -> tuple[tuple[str, str], ...]:
    return tuple(("percentage", f"{share} %") for _, share in parts)


def _parts_en(rng: random.Random) -> Printed:
    text = ", ".join(rng.sample(_PARTS, 3))
    return Printed(f"Ingredients: {text}", (("ingredients", text),))


def _parts_zh(rng: random.Random) -> Printed:
    text = "、".join(rng.sample(_PARTS_ZH, 3))
    return Printed(f"配料：{text}", (("ingredients", text),))


def _model_en(rng: random.Random) -> Printed:
    code = _code(rng)
    return Printed(f"{rng.choice(('Model No.:', 'Model:'))} {code}", (("model", code),))


def _model_zh(rng: random.Random) -> Printed:
    code = _code(rng)
    return Printed(f"型号：{code}", (("model", code),))


def _size_en(rng: random.Random) -> Printed:
    size = rng.choice(_SIZES)
    return Printed(f"Size: {size}", (("size", size),))


def _size_zh(rng: random.Random) -> Printed:
    size = rng.choice(_SIZES)
    return Printed(f"尺码：{size}", (("size", size),))


def _standard_en(rng: random.Random) -> Printed:
    standard = f"ISO {rng.choice((9001, 14001, 22000))}:{rng.randint(2010, 2025)}"
    return Printed(standard, (("standard", standard),))


def _standard_zh(rng: random.Random) -> Printed:
    standard = f"GB/T {rng.randint(1000, 39999)}"
    return Printed(f"执行标准：{standard}", (("standard", standard),))


def _price_en(rng: random.Random) -> Printed:
    price = f"{rng.randint(1, 199)}.{rng.choice((0, 50, 90, 95, 99)):02}"
    return Printed(f"Price: ${price}", (("price", f"{price} USD"),))


def _price_zh(rng: random.Random) -> Printed:
    price = f"{rng.randint(1, 199)}.{rng.choice((0, 50, 90, 95, 99)):02}"
    return Printed(f"零售价：{price}元", (("price", f"{price} CNY"),))


_Maker = Callable[[random.Random], Printed]
_ENGLISH: tuple[_Maker, ...] = (
    _net_en, _made_en, _until_en, _life_en, _fibres_en, _parts_en, _model_en, _size_en, _standard_en, _price_en,
)  # fmt: skip
_CHINESE: tuple[_Maker, ...] = (
    _net_zh, _made_zh, _life_zh, _fibres_zh, _parts_zh, _model_zh, _size_zh, _standard_zh, _price_zh,
)  # fmt: skip
