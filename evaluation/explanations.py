"""Figures of maps that explain an answer: how its probability falls and comes back by what they call important."""

import random
from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vitrine_client import VqaClient
from vitrine_client.occlusion import GRID, encoded, explain, share_of, square_of

from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import question_for
from evaluation.figures import Figure
from evaluation.journal import Job, Row
from evaluation.pointing import KINDS

SECTION = "maps that explain an answer (colour and category questions)"
MAPS = ("attention heatmap", "occlusion map", "random map")
_STEPS = 7


def explanation_jobs(client: VqaClient, photos: int, *, first_photo: int) -> list[Job]:
    first = first_seed("test") + first_photo
    return [Job(str(seed), partial(_explain, client, seed)) for seed in range(first, first + photos)]


def explanation_figures(rows: Sequence[Row]) -> list[Figure]:
    """Mean areas under the curves: deletion is better small, insertion large."""
    return [
        Figure(
            SECTION, f"{curve} curve's area, {name}", float(np.mean([row[curve] for row in rows if row["map"] == name]))
        )
        for curve in ("deletion", "insertion")
        for name in MAPS
        if rows
    ]


def area(shares: Sequence[float]) -> float:
    """Area under a curve over 0 to 1, by trapezia."""
    values = np.asarray(shares, float)
    return float(((values[1:] + values[:-1]) / 2).mean())


def steps_of(importance: NDArray[np.float32]) -> list[list[int]]:
    """Split the regions into equal steps, the most important first: numbers of regions, row by row."""
    order = np.argsort(-importance.ravel(), kind="stable")
    return [part.tolist() for part in np.array_split(order, _STEPS)]


def _explain(client: VqaClient, seed: int) -> list[Row]:
    photo, rng = photo_from_seed(seed), random.Random(f"explanations {seed}")
    kind, language = KINDS[seed % len(KINDS)], ("en", "zh")[seed // 2 % 2]
    question = question_for(attributes_from_seed(seed), kind, language, "test", rng).text  # type: ignore[arg-type]
    encoded_photo = photo.jpeg_bytes()
    found, square = explain(client, encoded_photo, question), square_of(encoded_photo)
    attention = np.asarray(Image.fromarray(found.answer.heatmap).resize((GRID, GRID), Image.Resampling.BICUBIC))
    chance = np.random.default_rng(seed).random((GRID, GRID), np.float32)
    rows = []
    for name, importance in zip(MAPS, (attention, found.drops, chance), strict=True):
        row: Row = {"map": name, "question": question}
        for curve in ("deletion", "insertion"):
            shown = _pictures(square, importance, is_deletion=curve == "deletion")
            row[curve] = area([share_of(client.ask(encoded(one), question), found.answer.text) for one in shown])
        rows.append(row)
    return rows


def _pictures(square: Image.Image, importance: NDArray[np.float32], *, is_deletion: bool) -> Iterator[Image.Image]:
    """Cover a photo step by step, or uncover it; the first is as it was."""
    mean = Image.new("RGB", square.size, tuple(int(value) for value in np.asarray(square).reshape(-1, 3).mean(0)))
    shown, other = (square, mean) if is_deletion else (mean, square)
    taken = Image.new("L", (GRID, GRID), 0)
    for step in [[], *steps_of(importance)]:
        for region in step:
            taken.putpixel((region % GRID, region // GRID), 255)
        yield Image.composite(other, shown, taken.resize(square.size, Image.Resampling.NEAREST))
