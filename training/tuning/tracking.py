"""Curves, figures by kind and language, and examples of a run: for TensorBoard or Weights & Biases."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from catalogue.fonts import NoFontError, chinese_fonts, font_of
from training.tuning.data import Example

GENERAL = "general questions"
_SHOWN = 8
_PICTURE_PX, _LINE_PX = 280, 22


@dataclass(frozen=True)
class Measured:
    """What held-out questions say."""

    loss: float
    accuracy: dict[str, float]
    """Share of right answers: "all", and by kind and by language."""
    wrong: tuple[int, ...] = ()
    """Numbers of the questions that were answered wrong."""

    @classmethod
    def of(
        cls, examples: Sequence[Example], rows: Sequence[tuple[int, float, bool]], *, general: int = 0
    ) -> "Measured":
        """
        Args:
            rows: of each question its number, its loss, and whether it was answered right.
            general: how many of the examples, the last ones, are general: all of them are one figure.
        """
        right: dict[str, list[bool]] = defaultdict(list)
        for number, _, exact in rows:
            one = examples[number]
            is_own = number < len(examples) - general
            for name in ("all", one.kind, one.language) if is_own else (GENERAL,):
                right[name].append(exact)
        shares = {name: sum(values) / len(values) for name, values in sorted(right.items())}
        loss = sum(loss for _, loss, _ in rows) / len(rows)
        return cls(loss, shares, tuple(sorted(number for number, _, exact in rows if not exact)))

    @classmethod
    def from_facts(cls, facts: dict[str, Any] | None) -> "Measured | None":
        return cls(facts["loss"], facts["accuracy"], tuple(facts["wrong"])) if facts else None

    def as_facts(self) -> dict[str, Any]:
        return asdict(self)

    def is_better_than(self, other: "Measured") -> bool:
        """More right answers, own and general ones counting alike; where as many, surer ones."""
        return self._rank > other._rank

    @property
    def _rank(self) -> tuple[float, float]:
        own = self.accuracy["all"]
        return own + self.accuracy.get(GENERAL, own), -self.loss

    def __str__(self) -> str:
        shares = " ".join(f"{name} {share:.1%}" for name, share in self.accuracy.items())
        return f"loss {self.loss:.3f}; right: {shares}"


class Tracks:
    """Where curves go."""

    def __init__(self, accelerator: Any, course: dict[str, Any], stop: Sequence[Example], *, is_on: bool) -> None:
        """
        Args:
            course: options, as a run's description.
            stop: questions that are measured on, some of which are shown.
        """
        self._accelerator, self._stop, self._is_on = accelerator, stop, is_on
        if is_on:
            told = {name: value if isinstance(value, int | float | str | bool) else str(value)
                    for name, value in course.items()}  # fmt: skip
            folder = {"wandb": {"dir": str(accelerator.project_dir)}}
            accelerator.init_trackers("tuning", told, init_kwargs=folder)

    def step(self, step: int, **values: float) -> None:
        if self._is_on:
            self._accelerator.log({f"train/{name}": value for name, value in values.items()}, step=step)

    def measured(self, step: int, found: Measured, *, ranks: dict[str, int]) -> None:
        """Log accuracy by kind and language, how many directions adapters have, and photos of wrong answers."""
        if not self._is_on:
            return
        values = {f"held out/{name}": share for name, share in found.accuracy.items()} | {"held out/loss": found.loss}
        if ranks:
            values["adapters/rank"] = sum(ranks.values()) / len(ranks)
        self._accelerator.log(values, step=step)
        if not self._accelerator.is_main_process:
            return
        for tracker in self._accelerator.trackers:
            if found.wrong:
                pictures = [example_picture(self._stop[number]) for number in found.wrong[:_SHOWN]]
                form = {"dataformats": "NHWC"} if tracker.name == "tensorboard" else {}
                tracker.log_images({"held out/answered wrong": np.stack(pictures)}, step=step, **form)

    def close(self) -> None:
        if self._is_on:
            self._accelerator.end_training()


def example_picture(example: Example) -> NDArray[np.uint8]:
    """Draw a photo with its question and its right answer below: [h, w, 3]."""
    canvas = Image.new("RGB", (_PICTURE_PX, _PICTURE_PX + 2 * _LINE_PX), "white")
    with Image.open(example.photo) as file:
        photo = file.convert("RGB")
    photo.thumbnail((_PICTURE_PX, _PICTURE_PX))
    canvas.paste(photo)
    draw, font = ImageDraw.Draw(canvas), _font()
    for number, text in enumerate((example.question, example.answers[0])):
        draw.text((4, _PICTURE_PX + number * _LINE_PX), text, "black", font=font)
    return np.asarray(canvas)


def _font() -> ImageFont.FreeTypeFont:
    """Open a font with Chinese characters, or the Latin one that Pillow carries."""
    try:
        return font_of(chinese_fonts()[0], _LINE_PX - 6)
    except NoFontError:
        return font_of(None, _LINE_PX - 6)
