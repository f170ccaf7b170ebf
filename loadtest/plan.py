"""Plan of the requests, in their order: a pure function of a scenario and a seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from catalogue.attributes import KINDS, Attributes
from catalogue.dataset import first_seed
from catalogue.photos import attributes_from_seed
from catalogue.questions import Question, allowed_answers, question_for
from loadtest.scenario import Scenario

REQUEST_KINDS = ("ask", "choose", "embed", "invalid", "read")
_LIST = 10
_LONGEST_OF = 5
# Those for which there is a list of values to choose from.
_LISTED = ("category", "colour", "pattern", "number")


@dataclass(frozen=True)
class Request:
    """Call of the client."""

    kind: str
    """Kind, of REQUEST_KINDS. An `invalid` one must be refused: its photo is broken, or its question blank."""
    photo: int
    """The number of the photo; a new number is a photo that was never sent."""
    question: str = ""
    candidates: tuple[str, ...] = ()


def plan_requests(scenario: Scenario, seed: int) -> Iterator[Request]:
    """Yield requests without end. The same scenario and seed give the same ones in the same order."""
    rng = random.Random(f"requests {seed}")
    known = 0
    while True:
        if known and rng.random() < scenario.repeat_photo_ratio:
            photo = int(known ** rng.random()) - 1  # Zipf: the k-th photo comes with a weight of 1/k
        else:
            photo, known = known, known + 1
        for _ in range(scenario.questions_per_photo):
            yield _request(scenario, photo, rng)


def _request(scenario: Scenario, photo: int, rng: random.Random) -> Request:
    is_invalid = rng.random() < scenario.invalid_ratio
    draw = rng.random()
    if is_invalid:
        return Request("invalid", photo, _question(scenario, photo, rng, KINDS).text if rng.random() < 0.5 else "")
    if draw < scenario.embed_ratio:
        return Request("embed", photo)
    if draw < scenario.embed_ratio + scenario.choose_ratio:
        question = _question(scenario, photo, rng, _LISTED)
        return Request("choose", photo, question.text, allowed_answers(question, rng, most=_LIST))
    if draw < scenario.embed_ratio + scenario.choose_ratio + scenario.read_ratio:
        return Request("read", photo)
    return Request("ask", photo, _question(scenario, photo, rng, KINDS).text)


@lru_cache(1000)
def _attributes(photo: int) -> Attributes:
    return attributes_from_seed(first_seed("test") + photo)


def _question(scenario: Scenario, photo: int, rng: random.Random, kinds: tuple[str, ...]) -> Question:
    attributes = _attributes(photo)
    language = "zh" if rng.random() < scenario.chinese_ratio else "en"
    kind = rng.choice(kinds)
    count = _LONGEST_OF if rng.random() < scenario.long_question_ratio else 1
    drawn = [question_for(attributes, kind, language, "test", rng) for _ in range(count)]  # type: ignore[arg-type]
    return max(drawn, key=lambda question: len(question.text))
