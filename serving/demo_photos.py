"""The photos of the demo, each with what is asked about it: drawn ones, or the user's own."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed
from measuring.photo_files import PHOTO_SUFFIXES
from serving.errors import UsageError, only_serving_errors

DRAWN_QUESTIONS: tuple[tuple[str, ...], ...] = (
    ("What is this?", "What colour is it?", "这个商品有几件？"),
    ("这是什么？", "它是什么颜色的？", "How many items are there?"),
    ("What pattern does it have?", "上面是什么图案？", "How much does it cost?", "这个多少钱？"),
)
GENERIC_QUESTIONS = ("What is shown?", "What colour is it?", "图中是什么？", "它是什么颜色的？")
_FIRST_PHOTO = 1


@dataclass(frozen=True)
class PhotoRound:
    """A photo and what is asked about it."""

    photo: Path
    questions: tuple[str, ...]


def drawn_rounds(folder: Path) -> list[PhotoRound]:
    """Draw photos that the bundled checkpoint was not trained on, and write them into a folder, which is made.

    Raises:
        ServingError: they cannot be written.
    """
    rounds = []
    with only_serving_errors("the photos cannot be written"):
        folder.mkdir(parents=True, exist_ok=True)
        for index, questions in enumerate(DRAWN_QUESTIONS):
            file = folder / f"photo{index + 1}.jpg"
            file.write_bytes(photo_from_seed(first_seed("test") + _FIRST_PHOTO + index).jpeg_bytes())
            rounds.append(PhotoRound(file, questions))
    return rounds


def own_rounds(folder: Path) -> list[PhotoRound]:
    """List the photos in a folder and below it, by name; those of a kind that is refused too, so that it is said.

    Raises:
        UsageError: there are none.
    """
    files = sorted(file for file in folder.rglob("*") if file.is_file() and _is_picture(file))
    if not files:
        raise UsageError(f"--photos {folder} has no photos: name a folder with {', '.join(PHOTO_SUFFIXES)} files")
    return [PhotoRound(file, GENERIC_QUESTIONS) for file in files]


def _is_picture(file: Path) -> bool:
    kind = mimetypes.guess_type(file.name)[0] or ""
    return kind.startswith("image/") or file.suffix.lower() in PHOTO_SUFFIXES
