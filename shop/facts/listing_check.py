"""Listings that a photo contradicts: another colour or category than the shop says. Buyers are never told."""

import re
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, get_args

from vitrine_client import Choice, InvalidPhotoError, InvalidRequestError, VqaClient
from vitrine_client.photos import Photo
from vitrine_client.quoting import quote

from catalogue.attributes import CATEGORIES, COLOURS, plural
from shop.facts.asked import plain
from shop.facts.kinds import KINDS
from shop.products.product import Product

Field = Literal["colour", "category"]
FIELDS: tuple[Field, ...] = get_args(Field)
QUESTIONS: dict[Field, str] = {"colour": "What colour is it?", "category": "What is this?"}
CANDIDATES: dict[Field, tuple[str, ...]] = {"colour": tuple(COLOURS), "category": tuple(CATEGORIES)}
THRESHOLD = 0.995
"""Probability from which a listing's words are wrong: chosen on 300 drawn listings, where 0.99 called two of 150 right
ones wrong and 0.998 missed more; `python -m evaluation.listing_checks` measures it on others."""
_LEAST_CONFIDENCE = 0.3
"""Confidence of the answer itself below which the photo says nothing, such as one of what the model does not know."""
_AHEAD = 64
_MORE: dict[Field, dict[str, str]] = {
    "colour": {
        "red": "scarlet,crimson,burgundy,大红,正红,酒红,枣红", "orange": "橘",
        "yellow": "lemon,金黄,柠檬黄",
        "green": "olive,emerald,teal,墨绿,草绿,军绿,青", "cyan": "teal,turquoise,aqua,湖蓝",
        "blue": "navy,navy blue,sky blue,turquoise,藏青,藏蓝,天蓝,宝蓝,湖蓝",
        "purple": "violet,lilac,burgundy,紫罗兰,酒红",
        "pink": "rose pink,粉红", "brown": "chocolate,coffee,olive,咖啡,褐", "black": "jet black,charcoal",
        "white": "snow white,纯白", "grey": "gray,silver,charcoal,银",
    },
    "category": {
        "mug": "cup,coffee mug,杯子,水杯,咖啡杯", "bottle": "water bottle,水瓶,水杯,水壶",
        "t-shirt": "tee,tshirt,t shirt,T恤衫,短袖",
        "trousers": "pants,slacks,长裤", "dress": "gown,裙子",
        "shoe": "sneaker,trainer,鞋,运动鞋",
        "boot": "ankle boot,shoe,鞋子,鞋,短靴,长靴", "sock": "袜,短袜", "hat": "cap,帽",
        "handbag": "purse,tote,手袋",
        "backpack": "rucksack,双肩包,书包", "umbrella": "parasol,伞", "chair": "armchair,椅",
        "lamp": "desk lamp,table lamp,灯",
        "clock": "alarm clock,时钟,钟", "phone": "smartphone,mobile phone,cell phone,智能手机",
        "watch": "wristwatch,腕表",
        "glasses": "spectacles,镜框", "ball": "football,basketball,足球,篮球", "book": "novel,图书",
        "vase": "flower vase",
        "kettle": "electric kettle,烧水壶,电水壶", "sofa": "couch,沙发椅", "guitar": "acoustic guitar,木吉他",
    },
}  # fmt: skip
"""Words of shops for the model's words; one that stands twice may be either."""
_SHADE = re.compile(r"^(?:dark|light|deep|pale|bright|matte|深|浅|淡|亮|暗|哑光)[\s-]*")
_BETWEEN = {
    "colour": re.compile(r"[/,;&+、，；|]|\band\b|\bwith\b|和|配|拼"),
    "category": re.compile(r"[>/,;&|、，；›»]|\band\b"),
}


@dataclass(frozen=True)
class Contradiction:
    """A field of a listing that its photo contradicts."""

    sku: str
    photo: str
    field: Field
    listed: str
    """Words of the shop."""
    seen: str
    """Word of the model."""
    confidence: float
    """Probability that the listing's words are wrong, among the words of the model."""


@dataclass(frozen=True)
class Checked:
    """One product that was asked about, or not."""

    sku: str
    contradictions: tuple[Contradiction, ...] = ()
    asked: tuple[Field, ...] = ()
    """Fields that both the shop and the model have words for."""
    problem: str = ""
    """Reason why its photo could not be asked about."""


def contradictions(
    product: Product, answers: Mapping[Field, Choice], threshold: float = THRESHOLD
) -> list[Contradiction]:
    """Compare a listing with answers about its first photo.

    A value in words that the model does not know contradicts nothing; of several values, one must fit.

    Args:
        answers: choices among `CANDIDATES`, by field; of a checkpoint that was not calibrated, none counts.
        threshold: probability that the listing's words are wrong from which they are contradicted.
    """
    found = []
    for field, answer in answers.items():
        listed = listed_value(product, field)
        known = known_words(listed, field)
        is_seen = answer.status != "cannot_tell" and (answer.confidence or 0.0) >= _LEAST_CONFIDENCE
        wrong = 1 - sum(answer.probabilities[word] for word in known)
        seen = max(answer.probabilities, key=lambda word: answer.probabilities[word])
        if known and is_seen and seen not in known and wrong >= threshold:
            photo = product.photos[0] if product.photos else ""
            found.append(Contradiction(product.sku, photo, field, listed, seen, wrong))
    return found


def listed_value(product: Product, field: Field) -> str:
    """Return what the shop says, in its words; "" where it does not."""
    if field == "category":
        return product.category
    names = KINDS["colour"].names
    told = [value for pairs in product.attributes.values() for name, value in pairs.items() if plain(name) in names]
    return next(iter(told), "")


def known_words(listed: str, field: Field) -> frozenset[str]:
    """Translate a shop's value into the model's words; empty where a part of it has none, but of a category's path."""
    parts = [part for text in _BETWEEN[field].split(plain(listed)) if (part := text.strip())]
    if field == "category":
        parts = parts[-1:]  # of a path, the last says what it is
    words = [
        _WORDS[field].get(_form(part)) or _WORDS[field].get(_form(_SHADE.sub("", part)), frozenset()) for part in parts
    ]
    return frozenset().union(*words) if all(words) else frozenset()


def check_products(
    client: VqaClient, products: Iterable[Product], folder: Path, *, threshold: float = THRESHOLD, threads: int = 4
) -> Iterator[Checked]:
    """Ask about the first photo of each product, some at a time; in their order.

    Args:
        folder: that the photos' paths stand in; addresses, and paths that lead out of it, are not followed.

    Raises:
        VitrineError: the server fails or is away. A photo that cannot be read is a problem of its product alone.
    """

    def check(product: Product) -> Checked:
        try:
            return check_photo(client, product, photo_file(product, folder), threshold)
        except (InvalidPhotoError, InvalidRequestError) as error:
            return Checked(product.sku, problem=error.message)

    waiting = iter(products)
    with ThreadPoolExecutor(threads) as pool:
        while some := list(islice(waiting, _AHEAD)):
            yield from pool.map(check, some)


def check_photo(client: VqaClient, product: Product, photo: Photo, threshold: float = THRESHOLD) -> Checked:
    """Ask about one photo what its listing says in words that the model knows.

    Raises:
        VitrineError: the photo cannot be read, or the server fails or is away.
    """
    asked = tuple(field for field in FIELDS if known_words(listed_value(product, field), field))
    answers = {field: client.choose(photo, QUESTIONS[field], CANDIDATES[field]) for field in asked}
    return Checked(product.sku, tuple(contradictions(product, answers, threshold)), asked)


def photo_file(product: Product, folder: Path) -> Path:
    """Return the first photo, a file in the folder.

    Raises:
        InvalidPhotoError: there is none, or it is no such file; says which.
    """
    if not product.photos:
        raise InvalidPhotoError("it has no photo")
    named = quote(product.photos[0])
    if "://" in product.photos[0]:
        raise InvalidPhotoError(f"its photo {named} is an address, which is not downloaded: name a file in the folder")
    place = "is no file in"
    with suppress(OSError, RuntimeError, ValueError):  # a name that is too long, links in a circle, a null byte
        file = (folder / product.photos[0]).resolve()
        if not file.is_relative_to(folder.resolve()):
            place = "lies outside"
        elif file.is_file():
            return file
    raise InvalidPhotoError(f"its photo {named} {place} the folder of photos")


def _form(word: str) -> str:
    """Make "红" and "红色" alike."""
    return plain(word).removesuffix("色")


def _words_of(field: Field, table: Mapping[str, str]) -> dict[str, frozenset[str]]:
    words: dict[str, frozenset[str]] = {}
    for word, chinese in table.items():
        for name in (word, chinese, *_MORE[field][word].split(",")):
            for form in {_form(name), _form(plural(name))}:
                words[form] = words.get(form, frozenset()) | {word}
    return words


_WORDS: dict[Field, dict[str, frozenset[str]]] = {
    "colour": _words_of("colour", COLOURS), "category": _words_of("category", CATEGORIES)
}  # fmt: skip
