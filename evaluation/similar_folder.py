"""Real photos of a folder: which are near each other, and whether a product is found that is photographed otherwise."""

import io
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from tqdm import tqdm

from command_line.errors import UsageError
from evaluation.nearest import colour_histogram, found_among_first, same_among_nearest, same_by_chance
from evaluation.scenes import in_front_of, is_cut_out, on_plain_ground, part_in_other_light
from evaluation.unfamiliar import camera_photos
from measuring.photo_files import PHOTO_SUFFIXES, photo_files

Vector = Callable[[bytes], NDArray[np.float32]]
_NEAREST, _FIRST = (1, 5, 10), (1, 5)
_SCENES = 3
_QUALITY = 85
_THREADS = 4


def evaluate_folder(folder: Path, embed: Vector, grounds: Path | None = None) -> None:
    """Print the figures.

    Args:
        folder: of photos; a folder in it for each class; folders in these are finer classes.
        embed: a photo's vector, L2 norm 1; called in several threads.
        grounds: photos to put cut-outs in front of; None: those of scikit-image and scikit-learn.

    Raises:
        UsageError: there are no photos.
    """
    files = photo_files(folder)
    if not files:
        raise UsageError(
            f"--photos-of {folder}: there are no photos: name a folder with {', '.join(PHOTO_SUFFIXES)} files"
        )
    photos = [file.read_bytes() for file in files]
    known = _by_each_way(photos, embed)
    within = [file.parent.relative_to(folder).parts for file in files]
    for classes in dict.fromkeys((tuple(parts[:1] for parts in within), tuple(within))):
        if len(set(classes)) > 1:
            _print_classes(known, classes)
    for name, scenes in _otherwise(photos, grounds):
        shown = [scene for number in scenes for scene in scenes[number]]
        numbers = [number for number in scenes for _ in scenes[number]]
        queries = _by_each_way(shown, embed)
        print(f"{len(shown)} of {len(scenes)} photographed otherwise, {name}, found among all {len(photos)}:")
        for most in _FIRST:
            found = {way: found_among_first(queries[way], numbers, known[way], most) for way in known}
            _print_row(f"first {most}", found | {"chance": most / len(photos)})


def _print_classes(known: Mapping[str, NDArray[np.float32]], classes: Sequence[tuple[str, ...]]) -> None:
    count = len(set(classes))
    print(f"{len(classes)} photos, {count} classes: the same class among the k nearest, or as many as it has:")
    for most in _NEAREST:
        found = {way: same_among_nearest(vectors, classes, most) for way, vectors in known.items()}
        _print_row(f"k = {most}", found | {"chance": same_by_chance(classes, most)})


def _by_each_way(photos: Sequence[bytes], embed: Vector) -> dict[str, NDArray[np.float32]]:
    with ThreadPoolExecutor(_THREADS) as pool:
        vectors = list(tqdm(pool.map(embed, photos), total=len(photos), leave=False, disable=None))
        return {"vectors": np.stack(vectors), "colours": np.stack(list(pool.map(colour_histogram, photos)))}


def _otherwise(photos: Sequence[bytes], grounds: Path | None) -> Iterator[tuple[str, Mapping[int, list[bytes]]]]:
    """Make scenes of each photo, by its number: of cut-outs on two kinds of ground, of others a part."""
    images = [ImageOps.exif_transpose(Image.open(io.BytesIO(photo))) for photo in photos]
    cut_outs = {number: image for number, image in enumerate(images) if is_cut_out(image)}
    others = {number: image for number, image in enumerate(images) if number not in cut_outs}
    files = photo_files(grounds) if grounds else camera_photos()
    behind = [ImageOps.exif_transpose(Image.open(file)).convert("RGB") for file in files]
    for name, chosen, change in (
        ("on a plain ground", cut_outs, on_plain_ground),
        ("in front of a photo", cut_outs, lambda image, draw: in_front_of(image, behind, draw)),
        ("a part in other light", others, part_in_other_light),
    ):
        if chosen:
            draw = random.Random(0)
            yield name, {n: [_jpeg(change(image, draw)) for _ in range(_SCENES)] for n, image in chosen.items()}


def _print_row(name: str, found: Mapping[str, float]) -> None:
    print(f"  {name}: {', '.join(f'{way} {share:.1%}' for way, share in found.items())}")


def _jpeg(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()
