"""Answers about three photos of one product, joined by several rules, beside those about one photo."""

import io
import random
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PIL import Image, ImageFilter
from tqdm import tqdm
from vitrine_client import Answer, VitrineError, VqaClient
from vitrine_client.several import Pool, joined, product_of_probabilities

from catalogue.attributes import KINDS, LANGUAGES, Attributes
from catalogue.dataset import first_seed
from catalogue.photos import ProductPhoto, attributes_from_seed, photo_from_seed
from catalogue.questions import Question, question_for
from evaluation.accuracy import plain
from serving.errors import ServingError
from serving.supervision.server import EmbeddedServer
from serving.supervision.signals import end_on_signals
from serving.triton.command import ServerSettings

if TYPE_CHECKING:
    from evaluation.several_photos import SeveralPhotosOptions

PHOTOS = 3
LEAST_BETTER = 0.03
"""A share: how many more right answers than of one photo are enough."""
_BLUR_RATIO = 0.02
_GREY = (128, 128, 128)
_TIMEOUT_S = 60.0


def surest(said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Take what the surest photo says."""
    chosen = max(said, key=lambda one: max(one.values()))
    return dict(chosen)


def mean_probability(said: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Take the mean over the photos of each text's probability."""
    texts = dict.fromkeys(text for one in said for text in one)
    return {text: sum(one.get(text, 0.0) for one in said) / len(said) for text in texts}


RULES: dict[str, Pool] = {
    "product of probabilities": product_of_probabilities,
    "mean probability": mean_probability,
    "surest photo": surest,
}
"""The client's own first."""


@dataclass(frozen=True)
class Outcome:
    way: str
    """A rule, or what was done to the one photo."""
    question: Question
    answer: Answer

    @property
    def is_right(self) -> bool:
        return plain(self.answer.text) == plain(self.question.answer)


def products(first_photo: int) -> Iterator[tuple[Attributes, list[int]]]:
    """Find products in the test split, each with the seeds of three photos that show it, without end."""
    seeds: dict[Attributes, list[int]] = defaultdict(list)
    seed = first_seed("test") + first_photo
    while True:
        attributes = attributes_from_seed(seed)
        seeds[attributes].append(seed)
        if len(seeds[attributes]) == PHOTOS:
            yield attributes, seeds.pop(attributes)
        seed += 1


def spoilt_photo(photo: ProductPhoto, way: str, rng: random.Random) -> Image.Image:
    """Blur a photo, or cover one half, drawn by lot, of where the product is with a grey box; or leave it "whole"."""
    if way == "blurred":
        return photo.image.filter(ImageFilter.GaussianBlur(_BLUR_RATIO * max(photo.image.size)))
    covered = photo.image.copy()
    if way == "half covered":
        left, top, right, bottom = photo.mask.getbbox() or (0, 0, *photo.mask.size)
        x, y = (left + right) // 2, (top + bottom) // 2
        halves = [(left, top, x, bottom), (x, top, right, bottom), (left, top, right, y), (left, y, right, bottom)]
        covered.paste(_GREY, rng.choice(halves))
    return covered


def ask_about(client: VqaClient, product: tuple[Attributes, list[int]]) -> list[Outcome]:
    """Ask about three photos of a product, one of them spoilt, alone and together."""
    attributes, seeds = product
    rng = random.Random(f"several photos {seeds[0]}")
    asked = [question_for(attributes, kind, language, "test", rng) for kind in KINDS for language in LANGUAGES]
    spoilt, way = rng.randrange(PHOTOS), rng.choice(["blurred", "half covered"])
    ways = [way if number == spoilt else "whole" for number in range(PHOTOS)]
    answers = []
    for seed, done in zip(seeds, ways, strict=True):
        photo = photo_from_seed(seed)
        image = spoilt_photo(photo, done, rng)
        buffer = io.BytesIO()
        image.save(buffer, "JPEG", quality=photo.jpeg_quality)
        answers.append(client.ask_many(buffer.getvalue(), [question.text for question in asked]))
    found = []
    for question, about_each in zip(asked, zip(*answers, strict=True), strict=True):
        found += [Outcome(f"one photo, {way}", question, one) for way, one in zip(ways, about_each, strict=True)]
        found += [Outcome(name, question, joined(about_each, pool).answer) for name, pool in RULES.items()]
    return found


def right_share(rows: Sequence[Outcome]) -> float:
    return sum(row.is_right for row in rows) / len(rows)


def calibration_error(rows: Sequence[Outcome], bins: int = 10) -> float:
    """Expected calibration error, 0 to 1: of bins of equally many answers, ordered by confidence."""
    order = sorted(rows, key=lambda row: row.answer.confidence or 0.0)
    error = 0.0
    for part in (order[len(order) * n // bins : len(order) * (n + 1) // bins] for n in range(bins)):
        error += abs(sum(row.is_right - (row.answer.confidence or 0.0) for row in part)) / len(order)
    return error


def table(rows: Sequence[Outcome]) -> str:
    """Write a line for each way: right of all, by language, given answers, wrong among them, calibration error."""
    ways = {row.way: None for row in rows}
    one = [row for row in rows if row.way.startswith("one photo")]
    groups = [(way, [row for row in rows if row.way == way]) for way in sorted(ways)]
    lines = [f"{'':<26} {'right':>8} {'en':>8} {'zh':>8} {'given':>8} {'wrong of those':>15} {'calibration error':>18}"]
    for name, part in [("one photo, any", one), *groups]:
        given = [row for row in part if row.answer.status != "hand_over"]
        shares = [right_share([row for row in part if row.question.language == language]) for language in LANGUAGES]
        lines.append(
            f"{name:<26} {right_share(part):>8.2%} {shares[0]:>8.2%} {shares[1]:>8.2%} {len(given) / len(part):>8.2%} "
            f"{1 - right_share(given) if given else 0:>15.2%} {calibration_error(part):>18.2%}"
        )
    return "\n".join(lines)


def compare_rules(options: "SeveralPhotosOptions") -> int:
    """Ask about all products, and print how many answers are right. Returns the exit status."""
    end_on_signals()
    try:
        if options.url:
            rows = _ask_all(options.url, options)
        else:
            with EmbeddedServer(ServerSettings(options.repository, grpc_port=0, metrics_port=None)) as server:
                rows = _ask_all(server.url, options)
    except (ServingError, VitrineError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{options.products} products, {len(KINDS)} kinds of questions in {', '.join(LANGUAGES)}:\n{table(rows)}")
    own = right_share([row for row in rows if row.way == next(iter(RULES))])
    better = own - right_share([row for row in rows if row.way.startswith("one photo")])
    print(f"{PHOTOS} photos together: {better:+.2%} beside one of them")
    return 0 if better >= LEAST_BETTER else 1


def _ask_all(url: str, options: "SeveralPhotosOptions") -> list[Outcome]:
    found = products(options.first_photo)
    drawn = [next(found) for _ in range(options.products)]
    with VqaClient(url, timeout_s=_TIMEOUT_S) as client, ThreadPoolExecutor(options.threads) as pool:
        results = tqdm(pool.map(partial(ask_about, client), drawn), total=len(drawn), unit=" products")
        return [row for rows in results for row in rows]
