"""Holds engines to the checkpoint: the questions of a build, their reference answers, and the proof of its graphs."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from PIL import Image

from builders.checkpoint.load import Checkpoint
from builders.errors import BuildError, UsageError
from builders.graphs.cache import Graphs
from builders.parity.compare import (
    PARITY_LIMITS,
    TOLERANCES,
    Engine,
    OutputReport,
    compare_engines,
    parity_table,
    require_parity,
)
from builders.repository.configs import ENGINES, BuildDimensions
from builders.tensorrt.parser_check import parser_problems
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from measuring.photo_files import PHOTO_SUFFIXES, photo_files
from vitrine_steps.photo.pixels import DRAFT_RATIO, PhotoError, pixels_from_photo

_QUESTIONS_PER_PHOTO = 7
_LARGE_PHOTOS, _TILES = 6, 3


@dataclass(frozen=True)
class Gate:
    """The truth about one checkpoint, on photos that no checkpoint was trained on."""

    checkpoint: Checkpoint
    dimensions: BuildDimensions
    precision: str
    photos: list[bytes]
    large_photos: list[bytes]
    questions: list[tuple[int, str]]
    """Index of the photo, and the text: one of each kind about each photo."""
    reference: Any
    """`builders.parity.reference.Reference`."""

    def compare(self, opened: Callable[[str], Engine]) -> list[OutputReport]:
        return compare_engines(
            opened,
            self.reference,
            self.checkpoint,
            self.photos,
            self.large_photos,
            self.questions,
            question_tokens=self.dimensions.question_tokens,
            tolerance=TOLERANCES[self.precision],
        )


@dataclass(frozen=True)
class Proof:
    """That half-precision graphs answer like the checkpoint, whatever compiles them."""

    reports: list[OutputReport]
    ranges: dict[str, Any]
    """Of `builders.precision.ranges.ranges_report`."""


def parity_material(photo_count: int, folder: Path | None = None) -> tuple[list[bytes], list[tuple[int, str]]]:
    """Photos, encoded, and questions: index of the photo, and the text.

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


def new_gate(
    checkpoint: Checkpoint,
    dimensions: BuildDimensions,
    precision: str,
    photos: list[bytes],
    questions: list[tuple[int, str]],
) -> Gate:
    """Answer the questions with transformers."""
    from builders.parity.reference import reference_outputs  # torch takes seconds to import

    reference = reference_outputs(checkpoint, photos, questions, answer_tokens=dimensions.answer_tokens)
    large = large_photos(checkpoint.image_px)
    return Gate(checkpoint, dimensions, precision, photos, large, questions, reference)


def large_photos(image_px: int) -> list[bytes]:
    """Drawn photos, each side by side with itself until `pixels_from_photo` shrinks it cheaply first: fine patterns."""
    tile_px = -(-(2 * DRAFT_RATIO + 1) * image_px // _TILES)
    found = []
    for seed in range(first_seed("test"), first_seed("test") + _LARGE_PHOTOS):
        tile = photo_from_seed(seed, long_side_px=(tile_px, tile_px)).image.resize((tile_px, tile_px))
        image = Image.fromarray(np.tile(np.asarray(tile), (_TILES, _TILES, 1)))
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=90)
        found.append(buffer.getvalue())
    return found


def require_parseable(graphs: Graphs) -> None:
    """
    Raises:
        BuildError: TensorRT's parser would refuse a graph; all reasons are listed.
    """
    problems = [
        f"{engine}: {problem}"
        for engine in ENGINES
        for problem in parser_problems(onnx.load(graphs.file(engine), load_external_data=False))
    ]
    if problems:
        raise BuildError("TensorRT's parser would refuse the graphs:\n" + "\n".join(f"  {p}" for p in problems))


def proof_of(graphs: Graphs, gate: Gate) -> Proof:
    """Run half-precision graphs with every tensor rounded as they say, and see how large tensors become.

    Raises:
        BuildError: a tensor overflows (the first is named), or an output is out of tolerance.
    """
    from builders.precision.ranges import (
        EmulatedEngine,
        TensorRange,
        described,
        first_overflow,
        near_limit,
        ranges_report,
    )

    precision = gate.precision
    engines = {name: EmulatedEngine(name, graphs.file(name), precision) for name in ENGINES}
    reports = gate.compare(engines.__getitem__)
    ranges: Sequence[TensorRange] = [r for engine in engines.values() for r in engine.ranges()]
    if overflow := first_overflow(ranges, precision):
        raise BuildError(
            f"{precision} overflows, first in {described(overflow)}, which reaches {overflow.max_abs:.3g}: "
            "build with --precision bf16"
        )
    require_parity(reports, what=f"the {precision} graphs")
    for tensor in near_limit(ranges, precision):
        print(f"      near the limit of {precision}: {described(tensor)} reaches {tensor.max_abs:.3g}")
    print(parity_table(reports), flush=True)
    return Proof(reports, ranges_report(ranges, precision))
