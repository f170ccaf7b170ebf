"""Figures of how often an answer stays the same where what matters does: photo a little changed, or other words."""

import io
import random
from collections.abc import Sequence
from functools import partial

from PIL import Image, ImageChops, ImageEnhance
from vitrine_client import VqaClient

from catalogue.attributes import CATEGORIES, COLOURS, LANGUAGES, PATTERNS, Language
from catalogue.photos import attributes_from_seed
from catalogue.questions import question_for
from catalogue.wordings import CANNOT_TELL, NO, YES
from evaluation.accuracy import plain
from evaluation.figures import Figure, share
from evaluation.journal import Job, Row
from evaluation.questions import LabelledQuestion, PhotoQuestions

SECTION = "answers that stay the same"
SHIFT_PX = 4
_ORIENTATION = 0x0112  # EXIF
_TURNED_LEFT = 6  # "turn me right by 90 degrees to see me upright"
_WORDABLE = ("category", "colour", "pattern", "number", "unanswerable")
"""Kinds whose answer does not depend on a value that the wording draws."""


def stability_jobs(client: VqaClient, groups: Sequence[PhotoQuestions]) -> list[Job]:
    return [Job(group.photo, partial(_compare_variants, client, group)) for group in groups]


def stability_figures(rows: Sequence[Row]) -> list[Figure]:
    variants = dict.fromkeys(row["variant"] for row in rows)
    return [
        figure
        for variant in variants
        for figure in share(SECTION, variant, [row["same"] for row in rows if row["variant"] == variant])
    ]


def photo_variants(photo: bytes, rng: random.Random) -> dict[str, bytes]:
    """Make the same picture anew: encoded, moved, lit otherwise, rescaled, and turned with a note that says so."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    x, y = rng.choice([(SHIFT_PX, 0), (-SHIFT_PX, 0), (0, SHIFT_PX), (0, -SHIFT_PX)])
    gain = rng.choice((0.9, 1.1))
    exif = Image.Exif()
    exif[_ORIENTATION] = _TURNED_LEFT
    half = (max(1, image.width // 2), max(1, image.height // 2))
    return {
        "JPEG of quality 60": _jpeg(image, quality=60),
        f"moved by {SHIFT_PX} px": _jpeg(_move(image, x, y)),
        "10 % brighter or darker": _jpeg(ImageEnhance.Brightness(image).enhance(gain)),
        "half the size": _jpeg(image.resize(half, Image.Resampling.LANCZOS)),
        "turned, with an EXIF note": _jpeg(image.transpose(Image.Transpose.ROTATE_90), exif=exif),
    }


def meaning(text: str) -> str:
    """Return an answer's own words, or the English ones for a Chinese value of the catalogue."""
    return _ENGLISH.get(plain(text), plain(text))


_ENGLISH = {plain(zh): plain(en) for table in (CATEGORIES, COLOURS, PATTERNS) for en, zh in table.items()} | {
    plain(table["zh"]): plain(table["en"]) for table in (CANNOT_TELL, YES, NO)
}


def _compare_variants(client: VqaClient, group: PhotoQuestions) -> list[Row]:
    photo, rng = group.load(), random.Random(f"stability {group.photo}")
    variants = photo_variants(photo, rng)
    rows = []
    for question in group.questions:
        first = client.ask(photo, question.text).text
        for name, variant in variants.items():
            rows.append(_row(name, question.text, first, client.ask(variant, question.text).text))
        for name, other in _other_words(group, question, rng).items():
            rows.append(_row(name, other, first, client.ask(photo, other).text))
    return rows


def _row(variant: str, question: str, first: str, second: str) -> Row:
    return {
        "variant": variant,
        "question": question,
        "first": first,
        "second": second,
        "same": meaning(first) == meaning(second),
    }


def _other_words(group: PhotoQuestions, question: LabelledQuestion, rng: random.Random) -> dict[str, str]:
    """Ask the same in other words, and in the other language, where the catalogue can."""
    if group.seed is None or not question.drawn or question.kind not in _WORDABLE:
        return {}
    attributes, kind = attributes_from_seed(group.seed), question.drawn.kind

    def ask(language: Language) -> str:
        return question_for(attributes, kind, language, "test", rng).text

    own = question.drawn.language
    (other,) = (language for language in LANGUAGES if language != own)
    return {"other words": ask(own), "the other language": ask(other)}


def _move(image: Image.Image, x: int, y: int) -> Image.Image:
    """Move a picture by whole pixels; what comes free repeats the edge."""
    moved = ImageChops.offset(image, x, y)
    width, height = image.size
    if x:
        edge = image.crop((0, 0, 1, height) if x > 0 else (width - 1, 0, width, height))
        moved.paste(edge.resize((abs(x), height)), (0 if x > 0 else width + x, 0))
    if y:
        edge = image.crop((0, 0, width, 1) if y > 0 else (0, height - 1, width, height))
        moved.paste(edge.resize((width, abs(y))), (0, 0 if y > 0 else height + y))
    return moved


def _jpeg(image: Image.Image, *, quality: int = 95, exif: Image.Exif | None = None) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, **({"exif": exif} if exif else {}))
    return buffer.getvalue()
