"""Several photos of one product: joined by what each says, with the photo that decided; a broken one fails alone."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from vitrine_client import (
    Answer,
    AsyncFakeTransport,
    AsyncVqaClient,
    FakeTransport,
    InvalidPhotoError,
    InvalidRequestError,
    ServerUnavailableError,
    VqaClient,
)
from vitrine_client.results import Alternative
from vitrine_client.several import joined

from .command import vitrine
from .conftest import Awaited, Door

EN, ZH = "What colour is it?", "什么颜色"


def said(status: Any, confidence: float | None, *texts: str) -> Answer:
    """An answer that is as sure as is said of its first text; the others share what is left."""
    left = 0.0 if confidence is None else (1 - confidence) / max(len(texts) - 1, 1)
    alternatives = tuple(
        Alternative(text, confidence if not number or confidence is None else left) for number, text in enumerate(texts)
    )
    reason = "not sure enough" if status == "hand_over" else ""
    return Answer(texts[0], status, confidence, reason, alternatives, np.zeros((0, 0), np.float32), "r", str(texts))


RED, PINK = said("answered", 0.99, "red", "pink"), said("answered", 0.98, "pink", "red")
UNSURE_PINK = said("hand_over", 0.6, "pink", "red")
FORBIDDEN = said("hand_over", 0.9, "")
REFUSES = said("cannot_tell", 0.99, "cannot tell", "red")
BROKEN = InvalidPhotoError("it is broken")


@pytest.mark.parametrize(
    ("by_photo", "text", "status", "photo"),
    [
        ((RED,), "red", "answered", 0),
        ((UNSURE_PINK, RED), "red", "answered", 1),
        ((REFUSES, RED, BROKEN), "red", "answered", 1),
        ((REFUSES, said("hand_over", 0.4, "red", "cannot tell")), "cannot tell", "cannot_tell", 0),
        ((REFUSES, REFUSES), "cannot tell", "cannot_tell", 0),
        ((RED, PINK), "red", "hand_over", 0),
        ((RED, PINK, RED), "red", "answered", 0),
        ((said("answered", 0.7, "pink"), said("answered", 0.999, "red")), "red", "hand_over", 1),
        ((UNSURE_PINK, UNSURE_PINK), "pink", "hand_over", 0),
        ((FORBIDDEN, FORBIDDEN), "", "hand_over", 0),
        ((FORBIDDEN, RED), "red", "hand_over", 1),
        ((said("hand_over", 0.0, "", "red", "blue"), RED), "red", "answered", 1),
        ((said("answered", None, "red"), said("answered", None, "red")), "red", "answered", 0),
        ((said("answered", None, "red"), said("answered", None, "pink")), "red", "hand_over", 0),
        ((said("cannot_tell", None, "cannot tell"), said("answered", None, "红色")), "红色", "answered", 1),
    ],
    ids=[
        "one photo decides alone",
        "a sure photo outweighs one that is not",
        "a photo that does not show it abstains, and so does a broken one",
        "a guess does not outweigh that the product does not show it",
        "no photo shows it",
        "two sure photos that contradict each other are for a person",
        "but two against one are as sure as one photo must be",
        "and one against one are not, however sure the one is",
        "two that are not sure do not make one that is",
        "what a house rule forbids is not said",
        "nor something else instead",
        "a photo with which the question is not understood leaves it to the other",
        "without a calibration alike answers are one",
        "without a calibration others are for a person",
        "without a calibration one that does not show it abstains",
    ],
)
def test_answers_are_joined(by_photo: Sequence[Any], text: str, status: str, photo: int) -> None:
    found = joined(by_photo)
    assert (found.answer.text, found.answer.status, found.photo) == (text, status, photo)
    assert found.by_photo == tuple(by_photo)
    assert bool(found.answer.reason) == (status == "hand_over")


def test_photos_that_agree_are_surer_together() -> None:
    alone, together = joined([RED]).answer.confidence, joined([RED, RED]).answer.confidence
    assert alone == pytest.approx(0.99, abs=0.01)
    assert alone and together and alone < together < 1
    assert joined([RED, UNSURE_PINK]).answer.confidence < alone  # type: ignore[operator]  # calibrated


class ByPhoto(FakeTransport):
    """Answers as the photo's bytes say; refuses a photo of "broken"."""

    def infer(
        self, model: str, inputs: Any, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        photo: bytes = inputs["IMAGE"][0, 0]
        if photo == b"broken":
            raise InvalidRequestError("not an image")
        if photo == b"down":
            raise ServerUnavailableError("nobody is there")
        self.answers = {question: photo.decode() for question in (EN, ZH)}
        return super().infer(model, inputs, outputs, timeout_s=timeout_s, request_id=request_id)


@pytest.fixture(params=[VqaClient, Awaited])
def by_photo(request: pytest.FixtureRequest) -> Any:
    fake = ByPhoto({})
    return request.param(transport=fake if request.param is VqaClient else AsyncFakeTransport(fake))


@pytest.mark.parametrize("question", [EN, ZH])
def test_a_broken_photo_fails_alone_and_all_broken_ones_together(by_photo: Any, question: str) -> None:
    found = by_photo.ask_product([b"broken", "no-such.jpg", b"red"], question)
    assert (found.answer.text, found.photo) == ("red", 2)
    assert [type(one) for one in found.by_photo] == [InvalidRequestError, InvalidPhotoError, Answer]
    assert json.loads(json.dumps(found.to_dict()))["by_photo"][0] == {"error": "not an image"}
    with pytest.raises(InvalidRequestError, match="not an image"):
        by_photo.ask_product([b"broken", b"broken"], question)
    with pytest.raises(ServerUnavailableError):
        by_photo.ask_product([b"red", b"down"], question)


@pytest.mark.parametrize(
    ("photos", "said"),
    [
        ([], "0 photos came, but 1 to 8"),
        ([b"red"] * 9, "9 photos came, but 1 to 8"),
        ("mug.jpg", "photos are a list, but a str came"),
        (b"red", "photos are a list, but a bytes came"),
        (7, "photos are a list, but an int came"),
    ],
)
def test_what_is_no_list_of_photos_is_refused_unsent(by_photo: Any, photos: Any, said: str) -> None:
    with pytest.raises(InvalidRequestError, match=said):
        by_photo.ask_product(photos, EN)


def test_a_client_for_asyncio_asks_about_all_photos_at_once() -> None:
    class AllAtOnce(AsyncFakeTransport):
        waiting = 0

        async def infer(self, *args: Any, **kwargs: Any) -> Any:
            self.waiting += 1
            while self.waiting < 3:
                await asyncio.sleep(0)
            return await super().infer(*args, **kwargs)

    client = AsyncVqaClient(transport=AllAtOnce(FakeTransport({EN: "red"})))
    assert asyncio.run(client.ask_product([b"1", b"2", b"3"], EN)).answer.text == "red"


def test_the_command_says_which_photo_decided(door: Door, photo: Path) -> None:
    other, broken = photo.with_name("other.png"), photo.with_name("broken.png")
    other.write_bytes(photo.read_bytes() + b"1")
    for question in (EN, ZH):
        done = vitrine("ask-product", question, str(photo), str(other), "--url", door.url)
        assert done.returncode == 0, done.stderr
        answer, decided = done.stdout.splitlines()
        assert answer
        assert decided.startswith("decided by ")
        assert decided.endswith(" of 2")
    done = vitrine("ask-product", EN, str(broken), str(photo), "--url", door.url, "--json")
    assert done.returncode == 1
    assert "cannot read the photo" in done.stderr
    row = json.loads(done.stdout)
    assert row["photo"] == str(photo)
    assert [set(one) == {"error"} for one in row["by_photo"]] == [True, False]
    done = vitrine("ask-product", EN, *[str(photo)] * 9, "--url", door.url)
    assert (done.returncode, "1 to 8 of one product" in done.stderr) == (2, True)
