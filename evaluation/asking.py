"""Asks catalogue questions of a server, several at once."""

from collections.abc import Iterator
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


def _about_one_photo(client: VqaClient, seed: int) -> Iterator[Graded]:
    photo = photo_from_seed(seed).jpeg_bytes()
    questions = questions_from_seed(seed, "test", per_photo=_PER_PHOTO)
    answers = client.ask_many(photo, [question.text for question in questions])
    for question, answer in zip(questions, answers, strict=True):
        yield Graded(question.kind, question.language, question.text, question.answer, answer.text, answer.status)
