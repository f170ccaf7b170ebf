"""Mixed load: what shops ask, what they should not send, and callers who go away."""

import asyncio
import hashlib
import os
import random
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from vitrine_client import AsyncVqaClient, InvalidRequestError, VitrineError

from catalogue.dataset import first_seed
from catalogue.photos import photo_from_seed

QUESTIONS = ("What colour is it?", "这是什么？", "How many items are there?", "上面是什么图案？")
LIST = ["red", "blue", "green", "yellow"]
CHOICE = f"{QUESTIONS[0]} {' or '.join(LIST)}?"
_PHOTOS = 24
_BURST = 400
_VECTOR_TOLERANCE = 1e-3  # between batches of one size and another
_KINDS = ("new", "known", "several", "choose", "embed", "broken", "odd question", "cancelled", "cut")
_WEIGHTS = (30, 25, 8, 8, 8, 8, 5, 5, 3)


@dataclass
class Tally:
    outcomes: Counter[str] = field(default_factory=Counter)
    """Number of calls by kind and by how they ended."""
    wrong: list[str] = field(default_factory=list)
    """Answers that an undisturbed server does not give; none, if all is well."""

    def share_answered(self, kind: str) -> float:
        asked = sum(count for name, count in self.outcomes.items() if name.startswith(f"{kind}: "))
        return self.outcomes[f"{kind}: ok"] / max(asked, 1)


class Traffic:
    """Callers over one client, until stopped."""

    def __init__(self, url: str, *, callers: int, burst_every_s: float, seed: int = 0) -> None:
        self._url = url
        self._burst_every_s = burst_every_s
        self._callers = callers
        self._draw = random.Random(seed)
        seeds = range(first_seed("test") + 700, first_seed("test") + 700 + _PHOTOS)
        self._photos = [photo_from_seed(number, long_side_px=(300, 500)).jpeg_bytes() for number in seeds]
        self._right: dict[tuple[int, str], str] = {}
        self._vectors: dict[int, NDArray[np.float32]] = {}
        self.tally = Tally()
        self._stopped = False
        self.is_undisturbed = False
        """Whether nothing is done to the server any more, so that whatever does not say "too busy" is its own fault."""
        # Triton 2.51 crashes when some of very many requests are cancelled (triton-inference-server/server#7368,
        # mended in 24.12), so nobody goes away during a burst.
        self._bursting = False

    def stop(self) -> None:
        self._stopped = True

    async def run(self) -> None:
        async with AsyncVqaClient(self._url, timeout_s=10) as client:
            for index, photo in enumerate(self._photos):
                for text in QUESTIONS:
                    self._right[index, text] = (await client.ask(photo, text)).text
                self._vectors[index] = (await client.embed(photo)).vector
                self._right[index, CHOICE] = (await client.choose(photo, QUESTIONS[0], LIST)).text
            await asyncio.gather(self._bursts(client), *(self._caller(client) for _ in range(self._callers)))

    async def _caller(self, client: AsyncVqaClient) -> None:
        while not self._stopped:
            kind = self._draw.choices(_KINDS, _WEIGHTS)[0]
            if not (self._bursting and kind in ("cancelled", "cut")):
                await self._ask_and_note(kind, client)

    async def _bursts(self, client: AsyncVqaClient) -> None:
        """Send far more at once than can wait."""
        next_s = time.monotonic() + self._burst_every_s / 2
        while not self._stopped:
            if time.monotonic() >= next_s:
                next_s += self._burst_every_s
                self._bursting = True
                await asyncio.sleep(0.1)  # until those that are being cancelled are
                await asyncio.gather(*(self._ask_and_note("burst", client) for _ in range(_BURST)))
                self._bursting = False
            await asyncio.sleep(0.2)

    async def _ask_and_note(self, kind: str, client: AsyncVqaClient) -> None:
        try:
            outcome = await self._one(kind, client)
        except VitrineError as error:
            outcome = error.code
            is_right = isinstance(error, InvalidRequestError) and kind in ("broken", "odd question")
            if self.is_undisturbed and not is_right and error.code != "UNAVAILABLE":  # which says: too busy
                self.tally.wrong.append(f"{kind}: {error.code}: {error}")
            await asyncio.sleep(0.02)
        self.tally.outcomes[f"{kind}: {outcome}"] += 1

    async def _one(self, kind: str, client: AsyncVqaClient) -> str:
        index = self._draw.randrange(_PHOTOS)
        photo, text = self._photos[index], self._draw.choice(QUESTIONS)
        new = photo + os.urandom(8)  # decoders ignore what follows a picture's end
        if kind in ("new", "known", "burst"):
            answer = await client.ask(photo if kind == "known" else new, text)
            self._check(index, text, answer.text)
        elif kind == "several":
            for asked, answer in zip(QUESTIONS, await client.ask_many(new, QUESTIONS), strict=True):
                self._check(index, asked, answer.text)
        elif kind == "choose":
            self._check(index, CHOICE, (await client.choose(photo, QUESTIONS[0], LIST)).text)
        elif kind == "embed":
            embedding = await client.embed(new)
            is_right = np.allclose(embedding.vector, self._vectors[index], atol=_VECTOR_TOLERANCE)
            if not is_right or embedding.sha256 != hashlib.sha256(new).digest():
                self.tally.wrong.append(f"photo {index}: the embedding is of another photo")
        elif kind == "broken":
            damaged = bytearray(photo[: self._draw.randrange(len(photo))])
            for _ in range(8):
                if damaged:
                    damaged[self._draw.randrange(len(damaged))] = self._draw.randrange(256)
            await client.ask(bytes(damaged), text)  # what little damage leaves readable is answered
        elif kind == "odd question":
            odd = self._draw.choice(["", " ", "\0", "什么" * 40, "why " * 40])
            answer_text = (await client.ask(photo, odd)).text
            self.tally.wrong.append(f"photo {index}, {odd!r}: {answer_text!r} instead of a refusal")
        elif kind == "cancelled":
            await self._cancel(client, new, text)
        elif kind == "cut":
            _cut_connection(self._url)
        return "ok"

    async def _cancel(self, client: AsyncVqaClient, photo: bytes, text: str) -> None:
        try:
            await asyncio.wait_for(client.ask(photo, text), timeout=self._draw.uniform(0.001, 0.03))
        except TimeoutError:
            return

    def _check(self, index: int, question: str, answer: str) -> None:
        if answer != (right := self._right[index, question]):
            self.tally.wrong.append(f"photo {index}, {question}: {answer!r} instead of {right!r}")


def _cut_connection(url: str) -> None:
    host, port = url.split(":")
    try:
        with socket.create_connection((host, int(port)), timeout=1) as connection:
            connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(64))
    except OSError:  # in the middle of a restart
        return
