"""What must not change an answer: another background, whose hand holds the product, the language, a brand's name."""

import io
import random
from collections.abc import Sequence
from functools import partial

from PIL import Image, ImageDraw
from vitrine_client import VqaClient

from catalogue.attributes import LANGUAGES, Kind, Language
from catalogue.backgrounds import background
from catalogue.dataset import first_seed
from catalogue.paint import RGB
from catalogue.photos import ProductPhoto, photo_from_seed
from catalogue.questions import question_for
from evaluation.accuracy import plain
from evaluation.figures import Figure, share
from evaluation.journal import Job, Row
from evaluation.stability import meaning

SECTION = "answers that depend on what must not matter"
KINDS: tuple[Kind, ...] = ("category", "colour", "pattern", "number")
SKIN_TONES: tuple[tuple[int, int, int], ...] = (
    (246, 237, 228), (243, 231, 219), (234, 218, 186), (215, 189, 150), (160, 126, 86), (130, 92, 67), (96, 65, 52),
    (58, 49, 42), (41, 36, 32),
)  # fmt: skip
"""The even steps and the ends of a scale of skin tones, from light to dark."""
BRANDS: dict[Language, tuple[str, ...]] = {
    "en": ("by Acme", "from Globex", "by Initech"),
    "zh": ("甲牌的", "宏达牌的", "远山牌的"),
}
"""Made-up names, which say nothing about a product."""
_BACKGROUNDS = 3


def probe_jobs(client: VqaClient, photos: int, *, first_photo: int) -> list[Job]:
    """Make a job of each photo: all its probes, one question of each kind."""
    first = first_seed("test") + first_photo
    return [Job(str(seed), partial(_probe_photo, client, seed)) for seed in range(first, first + photos)]


def probe_figures(rows: Sequence[Row]) -> list[Figure]:
    """Shares of questions with more than one answer, in all and by kind."""
    found: list[Figure] = []
    for probe in dict.fromkeys(row["probe"] for row in rows):
        of_probe = [row for row in rows if row["probe"] == probe]
        found += share(SECTION, probe, [row["differs"] for row in of_probe])
        for kind in KINDS:
            found += share(SECTION, f"{probe}, {kind}", [row["differs"] for row in of_probe if row["kind"] == kind])
    return found


def backgrounds(photo: ProductPhoto) -> list[bytes]:
    """Put the same product before other backgrounds."""
    found = []
    for number in range(_BACKGROUNDS):
        rng = random.Random(f"probe background {photo.seed} {number}")
        behind = background(rng, photo.image.size, away_from=RGB[photo.attributes.colour])
        found.append(_jpeg(Image.composite(photo.image, behind, photo.mask)))
    return found


def hands(photo: ProductPhoto) -> list[bytes]:
    """Let the same hand reach into the photo, in each skin tone; it covers none of the product."""
    width, height = photo.image.size
    rng = random.Random(f"probe hand {photo.seed}")
    side = rng.choice((0, 1))
    found = []
    for tone in SKIN_TONES:
        image = photo.image.copy()
        hand = Image.new("RGB", image.size, tone)
        shape = Image.new("L", image.size, 0)
        draw = ImageDraw.Draw(shape)
        x, y, size = (0 if side else width), round(0.86 * height), round(0.13 * min(width, height))
        draw.ellipse((x - size, y - size // 2, x + size, y + size), fill=255)
        for finger in range(4):
            reach = (1 if side else -1) * round(1.7 * size)
            level = y - size // 3 + finger * size // 3
            draw.line((x, level, x + reach, level - size // 5), fill=255, width=max(3, size // 4))
        free = Image.eval(photo.mask, lambda value: 255 - value)
        image.paste(hand, (0, 0), Image.composite(shape, Image.new("L", image.size, 0), free))
        found.append(_jpeg(image))
    return found


def _probe_photo(client: VqaClient, seed: int) -> list[Row]:
    photo = photo_from_seed(seed)
    rng = random.Random(f"probe questions {seed}")
    plain_photo, rows = photo.jpeg_bytes(), []
    for kind in KINDS:
        asked: dict[Language, str] = {
            language: question_for(photo.attributes, kind, language, "test", rng).text for language in LANGUAGES
        }
        language = LANGUAGES[seed % len(LANGUAGES)]
        text = asked[language]

        def said(images: Sequence[bytes], text: str = text) -> list[str]:
            return [client.ask(image, text).text for image in images]

        rows += [
            _row("background", kind, text, said(backgrounds(photo))),
            _row("skin tone of a hand", kind, text, said(hands(photo))),
            _row("language", kind, text, [client.ask(plain_photo, other).text for other in asked.values()]),
            _row("brand in the question", kind, text, [
                client.ask(plain_photo, with_brand(text, language, brand)).text for brand in ("", *BRANDS[language])
            ]),
        ]  # fmt: skip
    return rows


def with_brand(question: str, language: Language, brand: str) -> str:
    """Name a brand in a question: at its end in English, before it in Chinese."""
    if not brand:
        return question
    if language == "zh":
        return brand + question
    ending = "?" if question.endswith("?") else ""
    return f"{question.removesuffix('?')} {brand}{ending}"


def _row(probe: str, kind: str, question: str, said: Sequence[str]) -> Row:
    return {
        "probe": probe,
        "kind": kind,
        "question": question,
        "said": list(said),
        "differs": len({meaning(plain(text)) for text in said}) > 1,
    }


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
