"""What was read on photos, at the places of what is written there."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm
from vitrine_client import Line, Reading, VqaClient

from catalogue.labels import LabelPhoto
from measuring.plain_text import plain

Item = TypeVar("Item")


@dataclass(frozen=True)
class ReadLine:
    """A line that is written, and what was read there."""

    text: str
    read: tuple[Line, ...]

    @property
    def said(self) -> str:
        return "".join(line.text for line in self.read)

    @property
    def is_exact(self) -> bool:
        return plain(self.text) == plain(self.said)


def read_all(
    client: VqaClient, items: Iterable[int], draw: Callable[[int], tuple[Item, bytes]], threads: int, what: str
) -> list[tuple[Item, Reading]]:
    """Draw photos and read them, some at a time; in their order."""

    def read(number: int) -> tuple[Item, Reading]:
        item, photo = draw(number)
        return item, client.read(photo)

    numbers = list(items)
    with ThreadPoolExecutor(threads) as pool:
        return list(tqdm(pool.map(read, numbers), total=len(numbers), desc=what, disable=None))


def matched(label: LabelPhoto, lines: Sequence[Line]) -> list[ReadLine]:
    """Give each written line what was read at its place, from the left."""
    boxes = [np.array(line.box) for line in label.lines]
    at: list[list[Line]] = [[] for _ in boxes]
    for line in lines:
        middle = np.mean(line.box, axis=0)
        distances = [_distance(middle, box, label.image.size) for box in boxes]
        nearest = int(np.argmin(distances))
        if distances[nearest] < 1:
            at[nearest].append(line)
    return [
        ReadLine(written.text, tuple(sorted(read, key=lambda line: line.box[0][0])))
        for written, read in zip(label.lines, at, strict=True)
    ]


def _distance(point: NDArray[np.float64], box: NDArray[np.float64], size: tuple[int, int]) -> float:
    """How far a point is from a line's middle line, in heights of the line."""
    start, end = (box[0] + box[3]) / 2 * size, (box[1] + box[2]) / 2 * size
    height = float(np.linalg.norm((box[3] - box[0]) * size))
    along = end - start
    place = np.clip(np.dot(point * size - start, along) / np.dot(along, along), 0, 1)
    return float(np.linalg.norm(point * size - start - place * along)) / height
