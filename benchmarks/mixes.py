"""Mixes of what the systems are asked: endless visits, each a photo and questions. Pure functions of a seed."""

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed

QUESTIONS = (
    "What colour is it?",
    "这是什么？",
    "How many items are there?",
    "上面是什么图案？",
    "What is this?",
    "它是什么颜色的？",
    "What pattern does it have?",
    "这个商品有几件？",
    "Is it striped?",
    "这个多少钱？",
)
_HOT_REPEATS = 20


@dataclass(frozen=True)
class Visit:
    photo: bytes
    questions: tuple[str, ...]


def new_photos(photos: Sequence[bytes], seed: str) -> Iterator[Visit]:
    """Yield visits of one question about each photo, and every photo new."""
    for number, photo in enumerate(_new(photos, seed)):
        yield Visit(photo, (QUESTIONS[number % len(QUESTIONS)],))


def hot_photos(photos: Sequence[bytes], seed: str) -> Iterator[Visit]:
    """Twenty questions about each photo on average, the k-th with a weight of 1/k (Zipf), mixed."""
    rng, fresh, known = random.Random(f"hot {seed}"), _new(photos, seed), list[bytes]()
    while True:
        if not known or rng.random() < 1 / _HOT_REPEATS:
            known.append(next(fresh))
            photo = known[-1]
        else:
            photo = known[int(len(known) ** rng.random()) - 1]
        yield Visit(photo, (rng.choice(QUESTIONS),))


def ten_questions(photos: Sequence[bytes], seed: str) -> Iterator[Visit]:
    """Ten questions about each photo, asked together, and every photo new."""
    for photo in _new(photos, seed):
        yield Visit(photo, QUESTIONS)


MIXES = {"new photos": new_photos, "hot photos": hot_photos, "ten questions": ten_questions}


def _new(photos: Sequence[bytes], seed: str) -> Iterator[bytes]:
    """Photos whose bytes no other seed gives: a number behind the end of a JPEG changes no pixel."""
    rng = random.Random(f"photos {seed}")
    while True:
        yield rng.choice(photos) + rng.randbytes(8)


def draw_photo(index: int, size_px: tuple[int, int] = (640, 480)) -> bytes:
    """Draw a photo, as JPEG."""
    side_px = max(size_px)
    image = photo_from_seed(first_seed("test") + 30_000 + index, long_side_px=(side_px, side_px)).image.resize(size_px)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
