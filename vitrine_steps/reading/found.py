"""What was found in a photo, as it travels between steps and is kept by the cache: one JSON text, and arrays in it."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vitrine_steps.reading.codes import Code


@dataclass(frozen=True)
class Line:
    text: str
    box: list[list[float]]
    """Four corners, x and y as shares of the upright photo, from the line's own upper left clockwise."""
    mean: float
    """Mean of its characters' probabilities."""
    least: float
    """Least of them."""
    height_px: float
    """Its shorter side in the photo, as it was cut out: a vertical line stands."""


@dataclass(frozen=True)
class Found:
    stamp: str
    """Stamp of the photo and the release, in hexadecimal: the cache verifies no key. See `features.py`."""
    lines: list[Line] = field(default_factory=list)
    """In reading order."""
    left_out: int = 0
    """Lines beyond the most that are read."""
    codes: list[Code] = field(default_factory=list)


def to_tensor(content: Any) -> NDArray[np.object_]:
    """[1, 1] BYTES, of a dataclass or what JSON takes."""
    plain = content if isinstance(content, dict) else asdict(content)
    return np.array([[json.dumps(plain, ensure_ascii=False).encode("utf-8")]], np.object_)


def found_from_tensor(tensor: NDArray[np.object_]) -> Found:
    content = json.loads(tensor.reshape(-1)[0])
    lines, codes = content.pop("lines"), content.pop("codes")
    return Found(lines=[Line(**line) for line in lines], codes=[Code(**code) for code in codes], **content)
