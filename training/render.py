"""Photos drawn once, shrunk to what the vision tower sees, and kept on disk."""

import io
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from catalogue.attributes import CATEGORIES, COLOURS, PATTERNS, Attributes
from catalogue.dataset import first_seed
from catalogue.outliers import outlier_from_seed
from catalogue.photos import photo_from_seed
from catalogue.wordings import Split
from training.model import GRID, IMAGE_PX

# Training draws smaller photos than the catalogue's largest: at 112 px they look alike, and cost a third.
TRAIN_LONG_SIDE_PX = (256, 640)
_CHUNK = 250


@dataclass(frozen=True)
class RenderedPhotos:
    """`count` photos of one split, by position; position i is seed first_seed(split) + i."""

    split: Split
    pixels: NDArray[np.uint8]  # [count, IMAGE_PX, IMAGE_PX, 3]
    patches: NDArray[np.uint8]  # [count, GRID², 2]: product share and item centre, 0 to 255
    attributes: NDArray[np.int64]  # [count, 4]

    def __len__(self) -> int:
        return len(self.pixels)


def attribute_indices(attributes: Attributes) -> list[int]:
    """Indices in the order of `model.ATTRIBUTE_SIZES`."""
    return [
        list(CATEGORIES).index(attributes.category),
        list(COLOURS).index(attributes.colour),
        list(PATTERNS).index(attributes.pattern),
        attributes.count - 1,
    ]


def rendered_photos(folder: Path, split: Split, count: int, *, workers: int) -> RenderedPhotos:
    """Photos 0 to `count` of `split`, drawn in chunks that a later call finds again."""
    starts = range(0, count, _CHUNK)
    files = [folder / f"{split}-{start:07d}.npz" for start in starts]
    missing = [(file, split, start) for file, start in zip(files, starts, strict=True) if not file.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(workers) as pool:
        for _ in tqdm(
            pool.map(_render_chunk, missing),
            total=len(missing),
            desc=f"{split} photos",
            unit="chunk",
            disable=not missing,
        ):
            pass
    chunks = [np.load(file) for file in files]
    return RenderedPhotos(
        split,
        *(np.concatenate([chunk[name] for chunk in chunks])[:count] for name in ("pixels", "patches", "attributes")),
    )


def rendered_outliers(count: int) -> NDArray[np.uint8]:
    """Pictures without a product, [count, IMAGE_PX, IMAGE_PX, 3]."""
    size = (IMAGE_PX, IMAGE_PX)
    drawn = (outlier_from_seed(seed) for seed in tqdm(range(count), desc="outliers", unit="picture"))
    return np.stack([np.asarray(image.resize(size, Image.Resampling.BICUBIC)) for image in drawn])


def _render_chunk(job: tuple[Path, Split, int]) -> None:
    file, split, start = job
    pixels = np.empty((_CHUNK, IMAGE_PX, IMAGE_PX, 3), np.uint8)
    patches = np.zeros((_CHUNK, GRID, GRID, 2), np.uint8)
    attributes = np.empty((_CHUNK, 4), np.int64)
    for row in range(_CHUNK):
        photo = photo_from_seed(first_seed(split) + start + row, long_side_px=TRAIN_LONG_SIDE_PX)
        image = Image.open(io.BytesIO(photo.jpeg_bytes()))
        pixels[row] = np.asarray(image.resize((IMAGE_PX, IMAGE_PX), Image.Resampling.BICUBIC))
        patches[row, :, :, 0] = np.asarray(photo.mask.resize((GRID, GRID), Image.Resampling.BOX))
        for x, y in photo.centres_xy:
            patches[row, min(int(y * GRID), GRID - 1), min(int(x * GRID), GRID - 1), 1] = 255
        attributes[row] = attribute_indices(photo.attributes)
    partial = file.with_suffix(".partial.npz")
    np.savez(partial, pixels=pixels, patches=patches.reshape(_CHUNK, GRID * GRID, 2), attributes=attributes)
    partial.rename(file)
