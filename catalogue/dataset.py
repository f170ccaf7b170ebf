"""Data sets of photos and questions: streamed, or written to a folder.

A folder holds `photos/NNNNNNNN.jpg`, `masks/NNNNNNNN.png` and `questions.jsonl`,
one question a line: photo, question, answer, language, kind, attributes, product.
"""

import json
import random
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from tqdm import tqdm

from catalogue.attributes import KINDS, LANGUAGES, Attributes
from catalogue.photos import attributes_from_seed, photo_from_seed
from catalogue.questions import SHORT_KINDS, Question, no_question_for, question_for, short_question_for
from catalogue.textures import texture_from_seed, texture_questions
from catalogue.wordings import Split

# Seeds of the two splits never meet.
FIRST_TEST_SEED = 10_000_000


@dataclass(frozen=True)
class Record:
    """Line of `questions.jsonl`."""

    photo: str
    question: str
    answer: str
    language: str
    kind: str
    attributes: Attributes
    product: str


def first_seed(split: Split) -> int:
    return 0 if split == "train" else FIRST_TEST_SEED


def questions_from_seed(seed: int, split: Split, *, per_photo: int) -> list[Question]:
    """The questions about photo `seed`.

    Kinds and languages take turns, from a random start, so that any few
    photos in a row ask about everything in both languages equally often.
    """
    rng = random.Random(f"questions {seed} {split}")
    attributes = attributes_from_seed(seed)
    start = rng.randrange(len(KINDS) * len(LANGUAGES))
    turns = range(start, start + per_photo)
    return [
        question_for(attributes, KINDS[turn % len(KINDS)], LANGUAGES[turn % len(LANGUAGES)], split, rng)
        for turn in turns
    ]


def odd_questions_from_seed(seed: int, split: Split, *, short: int, none: int) -> list[Question]:
    """Draw questions about photo `seed` as people in a hurry ask, and texts that ask nothing.

    Args:
        short: how many of `short_question_for`; kinds and languages take turns, from a random start.
        none: how many of `no_question_for`.
    """
    rng = random.Random(f"odd questions {seed} {split}")
    attributes = attributes_from_seed(seed)
    start = rng.randrange(len(SHORT_KINDS) * len(LANGUAGES))
    return [
        # As many kinds as is divided by the number of languages: each round starts with the other language.
        short_question_for(
            attributes,
            SHORT_KINDS[turn % len(SHORT_KINDS)],
            LANGUAGES[(turn + turn // len(SHORT_KINDS)) % len(LANGUAGES)],
            split,
            rng,
        )
        for turn in range(start, start + short)
    ] + [no_question_for(split, rng) for _ in range(none)]


def seeds_of(split: Split, photos: int) -> range:
    """The seeds of a data set: the first ones of a split."""
    return range(first_seed(split), first_seed(split) + photos)


def records(split: Split, photos: int, *, per_photo: int, textures: bool = False) -> Iterator[tuple[int, Record]]:
    """Stream (photo seed, record), without drawing the photos."""
    questions_of = texture_questions if textures else questions_from_seed
    for seed in seeds_of(split, photos):
        for question in questions_of(seed, split, per_photo=per_photo):
            yield (
                seed,
                Record(
                    photo=f"photos/{seed:08d}.jpg",
                    question=question.text,
                    answer=question.answer,
                    language=question.language,
                    kind=question.kind,
                    attributes=attributes_from_seed(seed),
                    product=str(seed),
                ),
            )


def write_dataset(
    folder: Path, split: Split, photos: int, *, per_photo: int, workers: int, textures: bool = False
) -> None:
    """Write a data set to `folder`, with a progress bar.

    Args:
        textures: products have a texture, and the questions are about that.

    Raises:
        FileExistsError: `folder` is not empty.
    """
    if folder.exists() and any(folder.iterdir()):
        raise FileExistsError(f"{folder} is not empty: name an empty or new folder")
    (folder / "photos").mkdir(parents=True, exist_ok=True)
    (folder / "masks").mkdir(exist_ok=True)
    seeds = seeds_of(split, photos)
    with ProcessPoolExecutor(workers) as pool:
        done = pool.map(_write_photo, [folder] * photos, seeds, [textures] * photos, chunksize=8)
        for _ in tqdm(done, total=photos, desc="photos", unit="photo"):
            pass
    with (folder / "questions.jsonl").open("w", encoding="utf-8") as lines:
        for _, record in records(split, photos, per_photo=per_photo, textures=textures):
            lines.write(json.dumps(asdict(record), ensure_ascii=False) + "\n")


def _write_photo(folder: Path, seed: int, textures: bool) -> None:
    photo = photo_from_seed(seed, texture=texture_from_seed(seed) if textures else None)
    (folder / "photos" / f"{seed:08d}.jpg").write_bytes(photo.jpeg_bytes())
    photo.mask.save(folder / "masks" / f"{seed:08d}.png", optimize=True)
