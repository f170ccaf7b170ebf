"""Occlusion maps: which regions of a photo an answer depends on, found by covering them one by one."""

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from vitrine_client.client import VqaClient
from vitrine_client.overlay import overlay_heatmap, upright
from vitrine_client.photos import Photo
from vitrine_client.results import Answer

GRID = 7
_SENT_PX = 224
"""Side of the square that is sent: what a region covers is seen in it, and it costs little to decode."""
_AT_ONCE = 16
_MOST_PIXELS = 64_000_000


@dataclass(frozen=True, eq=False)
class OcclusionMap:
    """How much an answer depends on each region."""

    answer: Answer
    """Answer to the whole photo."""
    drops: NDArray[np.float32]
    """[grid, grid], how much the answer's probability falls where a region of the photo, stretched to a square, is
    covered; 0 to 1."""

    def overlay(self, photo: Photo) -> Image.Image:
        """Draw over the photo, upright: bright where the answer depends on it."""
        return overlay_heatmap(photo, self.drops)


def explain(client: VqaClient, photo: Photo, question: str, *, grid: int = GRID) -> OcclusionMap:
    """Ask about the photo, and about copies with one region covered each, and compare.

    Args:
        grid: regions along a side; grid² + 1 questions are asked, several at once.

    Raises:
        VitrineError: as `VqaClient.ask`.
    """
    square = square_of(photo)
    answer = client.ask(encoded(square), question)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        shares = list(pool.map(lambda one: share_of(client.ask(one, question), answer.text), covered(square, grid)))
    return OcclusionMap(answer, drops_from(share_of(answer, answer.text), shares, grid))


def square_of(photo: Photo) -> Image.Image:
    """Shrink a photo to the square that is sent.

    Raises:
        InvalidPhotoError: it cannot be read as a picture, or has too many pixels.
    """
    return upright(photo, most_pixels=_MOST_PIXELS).resize((_SENT_PX, _SENT_PX), Image.Resampling.LANCZOS)


def covered(square: Image.Image, grid: int) -> list[bytes]:
    """Encode copies of a square, each with one region in the photo's mean colour, row by row."""
    mean = tuple(int(value) for value in np.asarray(square).reshape(-1, 3).mean(0))
    edges = [round(number * square.width / grid) for number in range(grid + 1)]
    copies = []
    for row in range(grid):
        for column in range(grid):
            copy = square.copy()
            copy.paste(mean, (edges[column], edges[row], edges[column + 1], edges[row + 1]))
            copies.append(encoded(copy))
    return copies


def share_of(answer: Answer, text: str) -> float:
    """Probability of a text among an answer's alternatives; 0 where it is none of them."""
    return next((one.confidence or 0.0 for one in answer.alternatives if one.text == text), 0.0)


def drops_from(whole: float, shares: list[float], grid: int) -> NDArray[np.float32]:
    return (whole - np.array(shares, np.float32)).clip(0.0, 1.0).reshape(grid, grid)


def encoded(square: Image.Image) -> bytes:
    """Encode a square as it is sent."""
    buffer = io.BytesIO()
    square.save(buffer, "JPEG", quality=95)
    return buffer.getvalue()
