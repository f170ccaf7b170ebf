"""Whether a question looked at the product: the heatmap's maximum against the catalogue's own mask."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm
from vitrine_client import VqaClient

from catalogue.attributes import LANGUAGES, Kind
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import question_for

KINDS: tuple[Kind, ...] = ("category", "colour")


@dataclass(frozen=True)
class Pointing:
    asked: int
    inside: float
    """Share of the questions whose heatmap has its maximum inside the product."""
    mask_share: float
    """Mean share of the photo that the product covers: what a blind guess would hit."""
    by_language: dict[str, float]


def pointing(client: VqaClient, photos: int, *, first_photo: int) -> Pointing:
    """Ask of colour and category, in both languages, about each photo."""
    hits: list[tuple[str, bool]] = []
    shares = []
    for seed in tqdm(range(photos), desc="pointing", unit="photo", disable=None):
        drawn = photo_from_seed(first_seed("test") + first_photo + seed)
        mask = np.asarray(drawn.mask) > 0
        shares.append(float(mask.mean()))
        encoded = drawn.jpeg_bytes()
        for language, text in _questions(first_seed("test") + first_photo + seed):
            hits.append((language, is_inside(client.ask(encoded, text).heatmap, mask)))
    found = np.array([hit for _, hit in hits])
    languages = np.array([language for language, _ in hits])
    return Pointing(
        len(hits),
        float(found.mean()),
        float(np.mean(shares)),
        {language: float(found[languages == language].mean()) for language in LANGUAGES},
    )


def is_inside(heatmap: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool:
    """Whether the maximum of the smoothed map, as an overlay shows it, is inside `mask` [height, width]."""
    height, width = mask.shape
    smooth = np.asarray(Image.fromarray(heatmap).resize((width, height), Image.Resampling.BICUBIC))
    row, column = np.unravel_index(smooth.argmax(), smooth.shape)
    return bool(mask[row, column])


def _questions(seed: int) -> Iterator[tuple[str, str]]:
    rng = random.Random(f"pointing {seed}")
    for kind in KINDS:
        for language in LANGUAGES:
            yield language, question_for(attributes_from_seed(seed), kind, language, "test", rng).text
