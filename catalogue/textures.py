"""Textures of products: an attribute that the bundled checkpoint was not taught, to teach it with.

Photos are those of the catalogue, with a texture on the products; the questions are about the texture alone.
"""

import random
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from catalogue.attributes import LANGUAGES, Kind, Language
from catalogue.questions import Question
from catalogue.wordings import CLOSERS, NO, NOUNS, OPENERS, YES, Split

TEXTURES: dict[str, str] = {"metallic": "金属", "wooden": "木纹", "knitted": "针织", "quilted": "绗缝"}
"""English and Chinese words."""
KIND: Kind = "texture"
WORDINGS: dict[Split, dict[Language, tuple[str, ...]]] = {
    "train": {
        "en": (
            "what texture does the {noun} have", "which texture is it", "what is the texture of the {noun}",
            "what does the surface of the {noun} look like", "which finish does the {noun} have", "what finish is it",
            "is the {noun} {texture}", "does the surface look {texture}", "name the texture",
            "how would you describe the surface",
        ),
        "zh": (
            "{noun}的表面是什么质感", "这是什么质感", "什么质感", "{noun}表面看起来是哪种质感", "表面是什么样的",
            "{noun}的质感是哪种", "{noun}是{texture}质感的吗", "表面是{texture}的吗", "请问质感是哪种",
            "说说表面的质感",
        ),
    },
    "test": {
        "en": ("what kind of texture does this {noun} have", "which finish is on the surface",
               "is this {noun} {texture}", "the texture of the {noun} is which one"),
        "zh": ("这个{noun}是哪种质感", "表面质感是什么", "这个{noun}的表面是{texture}的吗", "{noun}看起来是什么质感"),
    },
}  # fmt: skip


def texture_from_seed(seed: int) -> str:
    """Name the texture of photo `seed`."""
    return random.Random(f"texture {seed}").choice(list(TEXTURES))


def texture_questions(seed: int, split: Split, *, per_photo: int) -> Iterator[Question]:
    """Ask about the texture of photo `seed`, the languages in turn."""
    rng = random.Random(f"texture questions {seed} {split}")
    name = texture_from_seed(seed)
    for number in range(per_photo):
        language = LANGUAGES[(seed + number) % len(LANGUAGES)]
        yield _question(name, language, split, rng)


def _question(name: str, language: Language, split: Split, rng: random.Random) -> Question:
    template = rng.choice(WORDINGS[split][language])
    answer, asked = _word(name, language), name
    if "{texture}" in template:
        asked = name if rng.random() < 0.5 else rng.choice([other for other in TEXTURES if other != name])
        answer = (YES if asked == name else NO)[language]
    noun = rng.choice(NOUNS[language])
    text = template.format(noun=noun, noun0=noun, texture=_word(asked, language))
    text = rng.choice(OPENERS[language]) + text + rng.choice(CLOSERS[language][:3])
    return Question(text[0].upper() + text[1:], language, KIND, answer)


def _word(name: str, language: Language) -> str:
    return name if language == "en" else TEXTURES[name]


def surface(side_px: int, texture: str, phase: float) -> NDArray[np.float32]:
    """Draw how a texture takes the light.

    Args:
        side_px: of the item's square.
        phase: its shift, in periods, 0 to 1.

    Returns:
        [side_px, side_px], -1 (black) to 1 (white); 0 leaves a colour as it is.
    """
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32) / side_px
    shade: NDArray[np.float32]
    match texture:
        case "metallic":  # broad bright reflections between dark ones
            shade = 0.75 * np.cos(2 * np.pi * (1.6 * x + 0.25 * y + phase)) ** 3
        case "wooden":  # thin wavy lines along the grain
            grain = 7 * (x + 0.035 * np.sin(2 * np.pi * (1.3 * y + phase))) + phase
            shade = np.where(grain % 1 < 0.32, -0.55, 0.06)
        case "knitted":  # rows of stitches
            stitch = 7 * y + 0.9 * np.abs((6 * x + phase) % 1 - 0.5)
            shade = np.where(stitch % 1 < 0.5, 0.5, -0.25)
        case "quilted":  # seams across each other
            seams = np.minimum(np.abs((4 * (x + y) + phase) % 1 - 0.5), np.abs((4 * (x - y) + phase) % 1 - 0.5))
            shade = np.where(seams < 0.13, -0.6, 0.15)
        case _:
            raise ValueError(f"unknown texture {texture!r}")
    return shade.clip(-1, 1).astype(np.float32)
