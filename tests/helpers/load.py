"""Callers who ask all the time, know the right answers, and note what came of each call."""

import itertools
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from vitrine_client import GrpcTransport, VitrineError, VqaClient

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed

QUESTIONS = ("What colour is it?", "这是什么？")
_PHOTOS = 12


@dataclass(frozen=True)
class Outcome:
    start_s: float
    """`time.monotonic()`."""
    end_s: float
    error: VitrineError | None
    is_right: bool
    release: str = ""


@dataclass
class Load:
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def failed(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.error]

    @property
    def wrong(self) -> list[Outcome]:
        """Answered, but not as an undisturbed server answers."""
        return [outcome for outcome in self.outcomes if not outcome.error and not outcome.is_right]

    def wait_for_answers(self, count: int = 20, *, limit_s: float = 60.0) -> None:
        """Wait until that many calls that start from now on have been answered."""
        now_s, end_s = time.monotonic(), time.monotonic() + limit_s
        while sum(outcome.start_s > now_s and not outcome.error for outcome in list(self.outcomes)) < count:
            assert time.monotonic() < end_s, f"{count} answers are expected within {limit_s:g} s"
            time.sleep(0.02)

    def whole_again_s(self, fault_s: float) -> float:
        """Seconds from a fault until the end of the last call that failed."""
        return max((outcome.end_s for outcome in self.failed if outcome.end_s > fault_s), default=fault_s) - fault_s


def photos() -> list[bytes]:
    seeds = range(first_seed("test") + 400, first_seed("test") + 400 + _PHOTOS)
    small = [photo_from_seed(seed, long_side_px=(300, 400)).jpeg_bytes() for seed in seeds]
    # One as large as phones take them, by bytes that decoders ignore: gRPC treats what is large in ways of its own.
    return [small[0] + bytes(2**20), *small[1:]]


def right_answers(url: str, asked: Sequence[bytes]) -> dict[tuple[bytes, str], str]:
    with VqaClient(url, timeout_s=20) as client:
        return {(photo, text): client.ask(photo, text).text for photo in asked for text in QUESTIONS}


@contextmanager
def load(
    url: str, *, callers: int = 8, rate: float | None = None, timeout_s: float = 5.0, retries: bool = True
) -> Iterator[Load]:
    """Ask about photos that no cache knows, from several threads over one connection, until the block ends.

    Args:
        url: of servers that are up now; their answers of now are the right ones.
        rate: calls a second, all callers together; None: each asks again when it is answered.
    """
    asked = photos()
    right = right_answers(url, asked)
    found, stop, numbers = Load(), threading.Event(), itertools.count()
    first_s = time.monotonic()
    transport = GrpcTransport(url, retries=retries)
    client = VqaClient(transport=transport, timeout_s=timeout_s)

    def call() -> None:
        while not stop.is_set():
            number = next(numbers)
            if rate and stop.wait(max(0.0, first_s + number / rate - time.monotonic())):
                return
            photo, text = asked[number % _PHOTOS], QUESTIONS[number // _PHOTOS % 2]
            start_s = time.monotonic()
            try:
                answer = client.ask(photo + number.to_bytes(8, "big"), text)
            except VitrineError as error:
                found.outcomes.append(Outcome(start_s, time.monotonic(), error, False))
                time.sleep(0.02)
            else:
                is_right = answer.text == right[photo, text]
                found.outcomes.append(Outcome(start_s, time.monotonic(), None, is_right, answer.release))

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        client.close()
