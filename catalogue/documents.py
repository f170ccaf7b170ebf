"""Draws documents from a seed: identity cards, bank cards and receipts of nobody, with valid check digits."""

import io
import random
from dataclasses import dataclass
from datetime import date, timedelta

from PIL import Image, ImageDraw
from stdnum import luhn
from stdnum.cn import ric

from catalogue.fonts import chinese_fonts, font_of

_NAMES = ("张三", "李四", "王小明", "赵敏", "陈晨")
_PLACES = ("110101", "310104", "440305", "510107", "330106")
_GOODS = (("绿茶", "Green tea"), ("饼干", "Biscuits"), ("牛奶", "Milk"), ("毛巾", "Towel"), ("电池", "Batteries"))


@dataclass(frozen=True)
class DocumentPhoto:
    fields: dict[str, str]
    """By kind, as `vitrine_client.documents` writes them whole."""
    jpeg_bytes: bytes


def document_from_seed(seed: int) -> DocumentPhoto:
    """Draw document `seed`: an identity card, a bank card and a receipt in turn."""
    rng = random.Random(f"document {seed}")
    texts, fields = (_identity_card, _bank_card, _receipt)[seed % 3](rng)
    size_px = rng.randint(28, 40)
    font = font_of(rng.choice(chinese_fonts()), size_px)
    width = max(sum(int(font.getlength(part)) for part in row) + 120 * len(row) for row in texts)
    image = Image.new("RGB", (width, 100 + 2 * size_px * len(texts)), rng.choice(("#f4f6f8", "#e8f0e8", "white")))
    draw = ImageDraw.Draw(image)
    for number, row in enumerate(texts):
        y = 50 + 2 * size_px * number
        draw.text((50, y), row[0], "#202020", font)
        if len(row) > 1:  # amounts stand at the right
            draw.text((width - 50 - font.getlength(row[1]), y), row[1], "#202020", font)
    buffer = io.BytesIO()
    image.rotate(rng.uniform(-4, 4), Image.Resampling.BICUBIC, expand=True, fillcolor="white").save(
        buffer, "JPEG", quality=rng.randint(60, 95)
    )
    return DocumentPhoto(fields, buffer.getvalue())


_Drawn = tuple[list[tuple[str, ...]], dict[str, str]]
"""Rows of one or two texts, and the fields."""


def _identity_card(rng: random.Random) -> _Drawn:
    born = date(1950, 1, 1) + timedelta(rng.randrange(20_000))
    number = f"{rng.choice(_PLACES)}{born:%Y%m%d}{rng.randrange(1000):03}"
    number += ric.calc_check_digit(number + "0")
    sex = ("female", "male")[int(number[16]) % 2]
    rows: list[tuple[str, ...]] = [
        (f"姓名 {rng.choice(_NAMES)}",),
        (f"性别 {'男' if sex == 'male' else '女'} 民族 汉",),
        (f"出生 {born.year}年{born.month}月{born.day}日",),
        ("住址 和平路12号",),
        (f"公民身份号码 {number}",),
    ]
    return rows, {"id_number": number, "birth_date": born.isoformat(), "sex": sex}


def _bank_card(rng: random.Random) -> _Drawn:
    digits = rng.choice(("6222", "4392", "5187")) + "".join(str(rng.randrange(10)) for _ in range(11))
    digits += luhn.calc_check_digit(digits)
    number = " ".join(digits[start : start + 4] for start in range(0, 16, 4))
    month, year = rng.randint(1, 12), rng.randint(27, 35)
    rows: list[tuple[str, ...]] = [
        ("VITRINE BANK 储蓄卡",),
        (number,),
        (f"VALID THRU {month:02}/{year}",),
        ("ZHANG SAN",),
    ]
    return rows, {"card_number": number, "card_expiry": f"20{year}-{month:02}"}


def _receipt(rng: random.Random) -> _Drawn:
    language = rng.randrange(2)
    items = [(rng.choice(_GOODS)[language], rng.randint(100, 9900)) for _ in range(rng.randint(2, 6))]
    total = sum(cents for _, cents in items)
    rows: list[tuple[str, ...]] = [("便利店 小票" if language == 0 else "Corner Shop Receipt",)]
    rows += [(name, f"{cents / 100:.2f}") for name, cents in items]
    rows.append(("合计" if language == 0 else "TOTAL", f"{total / 100:.2f}"))
    return rows, {"total": f"{total / 100:.2f}"}
