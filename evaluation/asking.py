"""Asks catalogue questions of a server, several at once."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tqdm import tqdm
from vitrine_client import VqaClient

from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from evaluation.accuracy import Graded

_PER_PHOTO = 7  # one of each kind


def asked_and_graded(client: VqaClient, questions: int, *, first_photo: int, threads: int) -> list[Graded]:
    """Ask `questions` with unseen seeds and unseen wordings, one of each kind about each photo.

    Args:
        first_photo: position of the first photo in the test split.
    """
    photos = -(-questions // _PER_PHOTO)
    seeds = range(first_seed("test") + first_photo, first_seed("test") + first_photo + photos)
    with ThreadPoolExecutor(threads) as pool, tqdm(total=questions, desc="questions", unit="question") as progress:
        graded = []
        for rows in pool.map(lambda seed: list(_about_one_photo(client, seed)), seeds):
            graded += rows
            progress.update(len(rows))
    return graded[:questions]


def photos_of(graded: Sequence[Graded], *, first_photo: int) -> Iterator[bytes]:
    """The photo of each question, in the questions' order."""
    for number in range(-(-len(graded) // _PER_PHOTO)):
        photo = photo_from_seed(first_seed("test") + first_photo + number).jpeg_bytes()
        yield from [photo] * min(_PER_PHOTO, len(graded) - number * _PER_PHOTO)


def _about_one_photo(client: VqaClient, seed: int) -> Iterator[Graded]:
    photo = photo_from_seed(seed).jpeg_bytes()
    questions = questions_from_seed(seed, "test", per_photo=_PER_PHOTO)
    answers = client.ask_many(photo, [question.text for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        yield Graded(
            question.kind,
            question.language,
            question.text,
            question.answer,
            answer.text,
            answer.status,
            answer.confidence,
        )
