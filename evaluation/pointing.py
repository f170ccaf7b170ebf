"""Figures of whether questions looked at the product: the heatmap's maximum against the catalogue's own mask."""

import random
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vitrine_client import VqaClient

from catalogue.attributes import LANGUAGES, Kind
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import question_for
from evaluation.figures import Figure, share
from evaluation.journal import Job, Row

SECTION = "where it looked (colour and category questions)"
KINDS: tuple[Kind, ...] = ("category", "colour")


def pointing_jobs(client: VqaClient, photos: int, *, first_photo: int) -> list[Job]:
    """Ask of colour and category, in both languages, about each of the catalogue's photos."""
    first = first_seed("test") + first_photo
    return [Job(str(seed), partial(_look, client, seed)) for seed in range(first, first + photos)]


def pointing_figures(rows: Sequence[Row]) -> list[Figure]:
    groups: dict[str, Sequence[Row]] = {"all": rows}
    groups |= {language: [row for row in rows if row["language"] == language] for language in LANGUAGES}
    found = [
        figure
        for name, part in groups.items()
        for figure in share(SECTION, f"maximum inside the product, {name}", [row["inside"] for row in part])
    ]
    if rows:
        found.append(
            Figure(SECTION, "share of the photo that the product covers", float(np.mean([r["mask"] for r in rows])))
        )
    return found


def _look(client: VqaClient, seed: int) -> list[Row]:
    drawn = photo_from_seed(seed)
    mask, encoded = np.asarray(drawn.mask) > 0, drawn.jpeg_bytes()
    return [
        {
            "language": language,
            "question": text,
            "inside": is_inside(client.ask(encoded, text).heatmap, mask),
            "mask": float(mask.mean()),
        }
        for language, text in _questions(seed)
    ]


def is_inside(heatmap: NDArray[np.float32], mask: NDArray[np.bool_]) -> bool:
    """Return True if the maximum of the smoothed map, as an overlay shows it, is inside `mask` [height, width]."""
    height, width = mask.shape
    smooth = np.asarray(Image.fromarray(heatmap).resize((width, height), Image.Resampling.BICUBIC))
    row, column = np.unravel_index(smooth.argmax(), smooth.shape)
    return bool(mask[row, column])


def _questions(seed: int) -> Iterator[tuple[str, str]]:
    rng = random.Random(f"pointing {seed}")
    for kind in KINDS:
        for language in LANGUAGES:
            yield language, question_for(attributes_from_seed(seed), kind, language, "test", rng).text
