"""The photos and questions that a build is compared on, and the reference's answers to them."""

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from builders.checkpoint.checkpoint import Checkpoint
from builders.dimensions import BuildDimensions
from builders.errors import UsageError
from builders.families import family_of
from builders.parity.outputs import Reference
from builders.parity.tolerances import PARITY_LIMITS
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from measuring.photo_files import PHOTO_SUFFIXES, photo_files
from vitrine_steps.photo.pixels import DRAFT_RATIO, PhotoError, PhotoLimits, pixels_from_photo

_QUESTIONS_PER_PHOTO = 7
_LARGE_PHOTOS, _TILES = 6, 3


@dataclass(frozen=True)
class ParitySet:
    """The truth about one checkpoint, on photos that no checkpoint was trained on."""

    checkpoint: Checkpoint
    dimensions: BuildDimensions
    photos: list[bytes]
    """Encoded photos."""
    large_photos: list[bytes]
    """Encoded photos, so large that they are shrunk cheaply first; none, where such are refused."""
    questions: list[tuple[int, str]]
    """Index of the photo, and the text: one of each kind about each photo."""
    reference: Reference


def answer_with_reference(
    checkpoint: Checkpoint, dimensions: BuildDimensions, photos: list[bytes], questions: list[tuple[int, str]]
) -> ParitySet:
    """Answer the questions with transformers, and forget the model's weights: engines may need the memory."""
    family = family_of(checkpoint.architecture)
    reference = family.reference_outputs(checkpoint, photos, questions, dimensions.answer_tokens)
    checkpoint.model.to("meta")
    large = large_photos(dimensions.image_px)
    return ParitySet(checkpoint, dimensions, photos, large, questions, reference)


def parity_material(photo_count: int, folder: Path | None = None) -> tuple[list[bytes], list[tuple[int, str]]]:
    """Draw or read encoded photos, and draw questions: index of the photo, and the text.

    Args:
        photo_count: at most so many photos.
        folder: of JPEG, PNG, WebP and AVIF files. None: photos are drawn.

    Raises:
        BuildError: no photos in the folder.
    """
    seeds = range(first_seed("test"), first_seed("test") + photo_count)
    if folder is None:
        photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
    else:
        photos = [_readable(file) for file in _photo_files(folder)[:photo_count]]
        seeds = seeds[: len(photos)]
    questions = [
        (index, question.text)
        for index, seed in enumerate(seeds)
        for question in questions_from_seed(seed, "test", per_photo=_QUESTIONS_PER_PHOTO)
    ]
    return photos, questions


def _photo_files(folder: Path) -> list[Path]:
    files = photo_files(folder)
    if not files:
        raise UsageError(f"--photos {folder} has no photos: name a folder with {', '.join(PHOTO_SUFFIXES)} files")
    return files


def _readable(file: Path) -> bytes:
    photo = file.read_bytes()
    try:
        pixels_from_photo(photo, side_px=1, limits=PARITY_LIMITS)
    except PhotoError as error:
        raise UsageError(f"--photos: {file} cannot be used: {error}") from error
    return photo


def large_photos(image_px: int) -> list[bytes]:
    """Drawn photos, each side by side with itself until `pixels_from_photo` shrinks it cheaply first: fine patterns.

    None, where photos of that size are refused.
    """
    tile_px = -(-(2 * DRAFT_RATIO + 1) * image_px // _TILES)
    if (tile_px * _TILES) ** 2 > PhotoLimits().max_pixels:
        return []
    found = []
    for seed in range(first_seed("test"), first_seed("test") + _LARGE_PHOTOS):
        tile = photo_from_seed(seed, long_side_px=(tile_px, tile_px)).image.resize((tile_px, tile_px))
        image = Image.fromarray(np.tile(np.asarray(tile), (_TILES, _TILES, 1)))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found
