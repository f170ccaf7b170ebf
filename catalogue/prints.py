"""Pictures that are printed on products: an attribute that the bundled checkpoint was not taught, to teach it with.

Photos are those of the catalogue, of products with room for a picture; the questions are about the picture alone.
"""

import math
import random
from collections.abc import Iterator

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from catalogue.attributes import LANGUAGES, Kind, Language, with_article
from catalogue.questions import Question
from catalogue.shapes import BODY, INK
from catalogue.wordings import CLOSERS, NO, NOUNS, OPENERS, YES, Split

PRINTS: dict[str, str] = {"star": "星星", "heart": "爱心", "moon": "月亮", "arrow": "箭头", "crown": "皇冠"}
"""English and Chinese words for the pictures."""
KIND: Kind = "print"
CATEGORIES_WITH_ROOM = ("mug", "t-shirt", "dress", "handbag", "backpack", "book", "vase", "kettle", "sofa", "ball")
_SIZE, _ROOM = 0.42, 0.16
"""Shares of an item's side: of the picture, and of the place around a point that must be free for it."""
WORDINGS: dict[Split, dict[Language, tuple[str, ...]]] = {
    "train": {
        "en": (
            "what is printed on the {noun}", "what picture is on the {noun}", "which print does the {noun} have",
            "what is the print", "what motif does it show", "what symbol is on it", "is there a {print} on the {noun}",
            "does it have a {print} printed on it", "what can be seen on the {noun}", "the print is what",
        ),
        "zh": (
            "{noun}上印着什么", "{noun}上的图案是什么形状", "印的是什么", "上面印了什么图案", "{noun}上画的是什么",
            "是什么印花",
            "上面印着{print}吗", "{noun}上是{print}图案吗", "印花是什么", "正面印的什么",
        ),
    },
    "test": {
        "en": ("which picture is printed on this {noun}", "what does the print on it show",
               "is a {print} printed on the {noun}",
               "what symbol does the {noun} have on it"),
        "zh": ("这个{noun}印的是什么图案", "上面画了什么", "{noun}上印的是{print}吗", "它的印花是什么"),
    },
}  # fmt: skip


def print_from_seed(seed: int) -> str:
    """Name the picture of photo `seed`."""
    return random.Random(f"print {seed}").choice(list(PRINTS))


def print_questions(seed: int, split: Split, *, per_photo: int) -> Iterator[Question]:
    """Ask about the picture of photo `seed`, the languages in turn."""
    rng = random.Random(f"print questions {seed} {split}")
    name = print_from_seed(seed)
    for number in range(per_photo):
        language = LANGUAGES[(seed + number) % len(LANGUAGES)]
        yield _question(name, language, split, rng)


def _question(name: str, language: Language, split: Split, rng: random.Random) -> Question:
    template = rng.choice(WORDINGS[split][language])
    answer, asked = _word(name, language), name
    if "{print}" in template:
        asked = name if rng.random() < 0.5 else rng.choice([other for other in PRINTS if other != name])
        answer = (YES if asked == name else NO)[language]
    text = template.format(noun=rng.choice(NOUNS[language]), print=_word(asked, language))
    text = text.replace("a arrow", with_article("arrow"))
    text = rng.choice(OPENERS[language]) + text + rng.choice(CLOSERS[language][:3])
    return Question(text[0].upper() + text[1:], language, KIND, answer)


def _word(name: str, language: Language) -> str:
    return name if language == "en" else PRINTS[name]


def with_print(materials: Image.Image, name: str) -> Image.Image:
    """Print a picture on the body of an item, where there is most room.

    Args:
        materials: mode "L", [side, side], of `shapes.material_map`.
    """
    side = materials.width
    body = materials.point(lambda material: 255 if material == BODY else 0)
    room = body.filter(ImageFilter.BoxBlur(_ROOM * side))
    rows, columns = np.nonzero(np.asarray(room) == room.getextrema()[1])
    size = _SIZE * side
    left, top = float(np.median(columns)) - size / 2, float(np.median(rows)) - size / 2
    picture = Image.new("L", (side, side), 0)
    draw = ImageDraw.Draw(picture)
    for points, value in _outlines(name):
        draw.polygon([(left + x * size, top + y * size) for x, y in points], fill=value)
    printed = Image.composite(picture, Image.new("L", picture.size, 0), body)
    return Image.composite(Image.new("L", picture.size, INK), materials, printed)


def _outlines(name: str) -> list[tuple[list[tuple[float, float]], int]]:
    """Polygons on a unit square, painted one over the other: 255 prints, 0 takes away."""
    match name:
        case "star":
            turns = [(math.pi * (n / 5 - 0.5), 0.5 if n % 2 == 0 else 0.21) for n in range(10)]
            return [([(0.5 + r * math.cos(a), 0.5 + r * math.sin(a)) for a, r in turns], 255)]
        case "heart":
            return [([(0.5 + 0.5 * math.sin(t) ** 3, 0.45 - 0.03 * (13 * math.cos(t) - 5 * math.cos(2 * t)
                       - 2 * math.cos(3 * t) - math.cos(4 * t))) for t in _around(48)], 255)]  # fmt: skip
        case "moon":
            return [(_circle(0.5, 0.5, 0.5), 255), (_circle(0.72, 0.42, 0.42), 0)]
        case "arrow":
            return [
                ([(0.0, 0.38), (0.55, 0.38), (0.55, 0.15), (1.0, 0.5), (0.55, 0.85), (0.55, 0.62), (0.0, 0.62)], 255)
            ]
        case "crown":
            return [([(0.05, 0.2), (0.28, 0.5), (0.5, 0.1), (0.72, 0.5), (0.95, 0.2), (0.85, 0.85), (0.15, 0.85)], 255)]
        case _:
            raise ValueError(f"unknown print {name!r}")


def _around(points: int) -> list[float]:
    return [2 * math.pi * n / points for n in range(points)]


def _circle(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    return [(x + radius * math.cos(t), y + radius * math.sin(t)) for t in _around(48)]
