"""Which questions a step asks: a pure function of the step, so that a run goes on where it stopped."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from catalogue.wordings import NOUNS, OPENERS, WORDINGS
from training.tuning.data import Example
from training.tuning.families import Asked
from training.tuning.options import Augment
from vitrine_steps.photo.pixels import PhotoLimits, pixels_from_photo

_MOVES: dict[Augment, tuple[float, float, float, float]] = {
    "light": (1 / 16, 0, 0, 0),
    "strong": (1 / 8, 15, 0.25, 0.08),
}
"""How far photos are moved (share of the side), turned (degrees), resized (a factor's logarithm), how much a channel is
brightened beside the others."""
_KEPT_BYTES = 2**30
"""Photos that are kept once they are decoded."""


@dataclass(frozen=True)
class Drawn:
    """A question of a batch."""

    example: Example
    augment: Augment
    """How far its photo may be moved."""
    is_general: bool


@dataclass(frozen=True)
class Mixture:
    """What a batch is made of."""

    own: Sequence[Example]
    replay: Sequence[Example]
    """General questions, so that what a checkpoint knew is not forgotten."""
    cannot_tell: dict[str, str]
    """By language, the answer that means "the photo does not show it"; empty: the checkpoint has none."""
    replay_share: float
    cannot_tell_share: float
    """Share of the own questions that are replaced by one that no photo answers."""
    is_reworded: bool
    """True: what stands before and behind a question is drawn anew each time."""
    augment: Augment
    """How far photos of own questions are moved."""
    seed: int

    def drawn(self, step: int, size: int) -> list[Drawn]:
        """Draw the batch of a step."""
        rng, words = np.random.default_rng((self.seed, step)), random.Random(f"{self.seed} words {step}")
        replayed = round(size * self.replay_share) if self.replay else 0
        chosen = [self.own[n] for n in self._draw(rng, self._own_weights, size - replayed)]
        chosen = [self._unanswerable(e, words) if words.random() < self._unknown_share else e for e in chosen]
        # Of general photos all may be asked, such as how many things they show: no part of them may be lost.
        general = [self.replay[n] for n in self._draw(rng, self._replay_weights, replayed)]
        found = [Drawn(one, self.augment, False) for one in chosen] + [Drawn(one, "light", True) for one in general]
        return [replace(one, example=reworded(one.example, words)) for one in found] if self.is_reworded else found

    @property
    def _unknown_share(self) -> float:
        return self.cannot_tell_share if self.cannot_tell else 0.0

    @cached_property
    def _own_weights(self) -> NDArray[np.float64]:
        return _shares(self.own)

    @cached_property
    def _replay_weights(self) -> NDArray[np.float64]:
        return _shares(self.replay)

    @staticmethod
    def _draw(rng: np.random.Generator, weights: NDArray[np.float64], count: int) -> NDArray[np.int64]:
        """Draw row numbers, no row twice where there are enough."""
        return (
            rng.choice(len(weights), count, replace=len(weights) < 2 * count, p=weights) if count else np.zeros(0, int)
        )

    def _unanswerable(self, example: Example, rng: random.Random) -> Example:
        """Ask about the same photo what no photo shows: its price, its stock, who made it."""
        language: Any = example.language if example.language in self.cannot_tell else rng.choice([*self.cannot_tell])
        template = rng.choice(WORDINGS["train"][language]["unanswerable"])
        question = template.format(noun=rng.choice(NOUNS[language]), noun0=rng.choice(NOUNS[language]), nouns="")
        return replace(
            example, question=question, answers=(self.cannot_tell[language],), kind="unanswerable", language=language
        )


def reworded(example: Example, rng: random.Random) -> Example:
    """Put a greeting or a plea around a question, as buyers do."""
    language: Any = example.language
    if language not in OPENERS or rng.random() < 0.5:
        return example
    bare = example.question.rstrip("?？。. ")
    opener = rng.choice(OPENERS[language])
    text = opener + (bare[:1].lower() + bare[1:] if opener else bare)
    return replace(example, question=text + rng.choice(("", "?", "？") if language == "zh" else ("", "?")))


def _shares(examples: Sequence[Example]) -> NDArray[np.float64]:
    weights = np.array([example.weight for example in examples], float)
    return weights / weights.sum() if len(weights) else weights


class Photos:
    """Squares of photos as the serving step makes them, kept while there is room."""

    def __init__(self, image_px: int, fit: Any) -> None:
        self._image_px, self._fit = image_px, fit
        self._kept: dict[str, NDArray[np.uint8]] = {}
        self._room = _KEPT_BYTES // (3 * image_px**2)

    def asked(self, example: Example, augment: Augment = "light", rng: random.Random | None = None) -> Asked:
        """Prepare a question.

        Args:
            augment: how far the photo is moved.
            rng: moves the photo and changes its brightness; None: it stays as it is.
        """
        key = str(example.photo)
        pixels = self._kept.get(key)
        if pixels is None:
            photo = example.photo.read_bytes()
            pixels = pixels_from_photo(photo, side_px=self._image_px, limits=PhotoLimits(), fit=self._fit)
            if len(self._kept) < self._room:
                self._kept[key] = pixels
        shown = pixels if rng is None else _moved(pixels, rng, augment)
        return Asked(Image.fromarray(shown), example.question, example.answers[0])


def _moved(pixels: NDArray[np.uint8], rng: random.Random, augment: Augment) -> NDArray[np.uint8]:
    """Move a square and make it darker or brighter; strong: also turn it, change its size and its white balance.

    The edge is repeated where something comes into view.
    """
    side = len(pixels)
    most, turn, zoom, gain = _MOVES[augment]
    around = np.pad(pixels, ((side // 2, side // 2), (side // 2, side // 2), (0, 0)), mode="edge")
    angle, scale = math.radians(rng.uniform(-turn, turn)), math.exp(rng.uniform(-zoom, zoom))
    cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
    left, top = (side + rng.uniform(-most, most) * side for _ in range(2))  # the middle of what is seen
    half = side / 2
    matrix = (cos, -sin, left - half * (cos - sin), sin, cos, top - half * (sin + cos))
    seen = Image.fromarray(around).transform((side, side), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    light = rng.uniform(0.9, 1.1)
    gains = [light * rng.uniform(1 - gain, 1 + gain) for _ in range(3)]
    return (np.asarray(seen) * gains).clip(0, 255).astype(np.uint8)
