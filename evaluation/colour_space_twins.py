"""Catalogue photos in other colour spaces beside their sRGB twins."""

import io
import random
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageCms
from tqdm import tqdm
from vitrine_client import VitrineError, VqaClient

from catalogue.attributes import LANGUAGES, Kind
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import question_for
from evaluation.accuracy import plain
from evaluation.cmyk_profile import press_profile
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings
from vitrine_steps.photo.matrix_profile import (
    ADOBE_RGB_PRIMARIES,
    DISPLAY_P3_PRIMARIES,
    PROPHOTO_PRIMARIES,
    REC2020_PRIMARIES,
    gamma_curve,
    rgb_profile,
    srgb_curve,
)

if TYPE_CHECKING:
    from evaluation.colour_spaces import ColourSpaceOptions

KINDS: tuple[Kind, ...] = ("colour", "category")
SRGB = "sRGB"
MOST_WORSE = 0.01
"""A share: how many right answers fewer than of the sRGB twins are too many."""
_QUALITY = 95
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class Space:
    profile: bytes
    mode: str = "RGB"


@dataclass(frozen=True)
class Outcome:
    space: str
    with_profile: bool
    is_right: bool
    is_like_twin: bool
    """True if the answer is that about the sRGB twin."""


def spaces(cmyk_profile: Path | None) -> dict[str, Space]:
    """The spaces that cameras, phones and presses write, with their profiles.

    Args:
        cmyk_profile: of a real press; None: of a simple one of our own.
    """
    found = {
        "Display P3": rgb_profile(DISPLAY_P3_PRIMARIES, srgb_curve),
        "Adobe RGB": rgb_profile(ADOBE_RGB_PRIMARIES, gamma_curve(563 / 256)),
        "ProPhoto": rgb_profile(PROPHOTO_PRIMARIES, gamma_curve(1.8)),
        "Rec. 2020": rgb_profile(REC2020_PRIMARIES, gamma_curve(2.4)),
    }
    cmyk = cmyk_profile.read_bytes() if cmyk_profile else press_profile()
    return {name: Space(profile) for name, profile in found.items() if profile} | {"CMYK": Space(cmyk, "CMYK")}


def twin(image: Image.Image, space: Space, *, with_profile: bool) -> bytes:
    """Write the same picture in another space.

    Args:
        image: RGB, in sRGB.
        with_profile: False: as a program writes it that drops what describes the colours.
    """
    target = ImageCms.ImageCmsProfile(io.BytesIO(space.profile))
    converted = ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"), target, outputMode=space.mode)
    assert converted  # not in place
    return _jpeg(converted, space.profile if with_profile else b"")


def _jpeg(image: Image.Image, profile: bytes = b"") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY, subsampling=0, icc_profile=profile)
    return buffer.getvalue()


def ask_about(client: VqaClient, known: dict[str, Space], seed: int) -> list[Outcome]:
    """Colour and category of one catalogue photo in both languages, in each space, with its profile and without."""
    image, attributes = photo_from_seed(seed).image, attributes_from_seed(seed)
    rng = random.Random(f"colour spaces {seed}")
    questions = [question_for(attributes, kind, language, "test", rng) for kind in KINDS for language in LANGUAGES]
    texts = [question.text for question in questions]
    truth = [plain(question.answer) for question in questions]

    def answers(photo: bytes) -> list[str]:
        return [plain(answer.text) for answer in client.ask_many(photo, texts)]

    own = answers(_jpeg(image))
    found = [Outcome(SRGB, False, answer == right, True) for answer, right in zip(own, truth, strict=True)]
    for name, space in known.items():
        for with_profile in (True, False):
            got = answers(twin(image, space, with_profile=with_profile))
            found += [
                Outcome(name, with_profile, answer == right, answer == first)
                for answer, right, first in zip(got, truth, own, strict=True)
            ]
    return found


def right_share(rows: Sequence[Outcome], space: str, *, with_profile: bool) -> float:
    of_space = [row.is_right for row in rows if (row.space, row.with_profile) == (space, with_profile)]
    return sum(of_space) / len(of_space)


def too_much_worse(rows: Sequence[Outcome], names: Sequence[str]) -> list[str]:
    """Spaces whose photos, with their profiles, are answered rightly more rarely than they may be."""
    own = right_share(rows, SRGB, with_profile=False)
    return [name for name in names if right_share(rows, name, with_profile=True) < own - MOST_WORSE]


def table(rows: Sequence[Outcome], names: Sequence[str]) -> str:
    own = right_share(rows, SRGB, with_profile=False)
    lines = [
        f"{'space':<12} {'right':>8} {'to sRGB':>9} {'like twin':>10} {'without its profile':>20}",
        f"{SRGB:<12} {own:>8.2%}",
    ]
    for name in names:
        alike = [row.is_like_twin for row in rows if row.space == name and row.with_profile]
        right, bare = (right_share(rows, name, with_profile=is_said) for is_said in (True, False))
        lines.append(f"{name:<12} {right:>8.2%} {right - own:>+9.2%} {sum(alike) / len(alike):>10.2%} {bare:>20.2%}")
    return "\n".join(lines)


def compare_twins(options: "ColourSpaceOptions") -> int:
    """Ask about all twins, and print how many answers are right. Returns the exit status."""
    end_on_signals()
    try:
        known = spaces(options.cmyk_profile)
        if options.url:
            rows = _ask_all(options.url, known, options)
        else:
            with EmbeddedServer(ServerSettings(options.repository, grpc_port=0, metrics_port=None)) as server:
                rows = _ask_all(server.url, known, options)
    except (ServingError, VitrineError, ImageCms.PyCMSError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.photos} photos, {', '.join(KINDS)} in {', '.join(LANGUAGES)}:\n{table(rows, list(known))}")
    if worse := too_much_worse(rows, list(known)):
        print(f"error: more than {MOST_WORSE:.0%} worse than their sRGB twins: {', '.join(worse)}", file=sys.stderr)
        return 1
    return 0


def _ask_all(url: str, known: dict[str, Space], options: "ColourSpaceOptions") -> list[Outcome]:
    first = first_seed("test") + options.first_photo
    seeds = range(first, first + options.photos)
    with VqaClient(url, timeout_s=_TIMEOUT_S) as client, ThreadPoolExecutor(options.threads) as pool:
        about: Callable[[int], list[Outcome]] = partial(ask_about, client, known)
        return [row for rows in tqdm(pool.map(about, seeds), total=len(seeds), unit=" photos") for row in rows]
