"""Closed lists on the real server: right ones chosen, bad ones refused."""

from collections.abc import Sequence

import numpy as np
import pytest
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException
from vitrine_client import InvalidRequestError, VqaClient

from catalogue.photos import attributes_from_seed
from catalogue.questions import truth, words
from checks.fuzz.leaks import leak_in
from tests.helpers.product import PHOTO, QUESTIONS, SEED


@pytest.fixture(scope="module")
def client(server_url: str) -> VqaClient:
    return VqaClient(server_url, timeout_s=20)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_right_one_is_chosen(client: VqaClient, language: str) -> None:
    right = truth(attributes_from_seed(SEED), "colour", language)  # type: ignore[arg-type]
    choice = client.choose(PHOTO, QUESTIONS[language], words("colour", language))  # type: ignore[arg-type]
    assert (choice.text, choice.status) == (right, "answered")
    assert choice.probabilities[right] == max(choice.probabilities.values()) > 0.9
    assert choice.confidence is not None
    assert choice.confidence > 0.8


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_list_without_the_right_one_is_not_answered(client: VqaClient, language: str) -> None:
    right = truth(attributes_from_seed(SEED), "colour", language)  # type: ignore[arg-type]
    others = [word for word in words("colour", language) if word != right]  # type: ignore[arg-type]
    choice = client.choose(PHOTO, QUESTIONS[language], others[:5])
    assert choice.status == "hand_over"
    assert choice.reason


@pytest.mark.parametrize(
    ("question", "candidates"), [("How much is it?", ["cheap", "expensive"]), ("多少钱？", ["便宜", "贵"])]
)
def test_what_no_photo_shows_is_not_chosen(client: VqaClient, question: str, candidates: list[str]) -> None:
    choice = client.choose(PHOTO, question, candidates)
    assert choice.status in ("cannot_tell", "hand_over")
    assert (choice.text == "") == (choice.status == "cannot_tell")


def test_a_stricter_risk_is_handed_over(client: VqaClient) -> None:
    choice = client.choose(PHOTO, QUESTIONS["en"], words("colour", "en"), max_risk=1e-6)
    assert (choice.status, choice.text != "") == ("hand_over", True)


def test_256_candidates_are_scored(client: VqaClient) -> None:
    many = [f"{a} {b}" for a in words("colour", "en") for b in words("category", "en")][:250]
    choice = client.choose(PHOTO, QUESTIONS["en"], many)
    assert len(choice.probabilities) == 250
    assert sum(choice.probabilities.values()) == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        (["red", " RED"], 'candidates 1 ("red") and 2 (" RED") are the same to the model'),
        (["红色", "红 色"], "are the same to the model"),
        (["red", "crimson"], 'candidate 2 of 2 ("crimson") has a word that this checkpoint does not know'),
        (["red " * 9], "has 9 tokens, more than the 7 that an answer can have"),
        ([str(number % 10) * (1 + number // 10) for number in range(257)], "257 candidates came, more than the 256"),
        (["x" * 300], "has 300 bytes, more than the 256 allowed"),
        (["\ud800"], "is not UTF-8"),
    ],
    ids=range(7),
)
def test_a_bad_list_is_refused_clearly(client: VqaClient, candidates: Sequence[str], message: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        client.choose(PHOTO, QUESTIONS["en"], candidates)
    assert message in caught.value.message
    assert leak_in(str(caught.value)) is None


def test_a_request_of_two_rows_is_refused(server_url: str) -> None:
    """Triton's own message: a list comes alone."""
    server = triton.InferenceServerClient(server_url)
    inputs = []
    for name, row in (("IMAGE", [PHOTO]), ("QUESTION", [b"What?"]), ("CANDIDATES", [b"red", b"blue"])):
        tensor = triton.InferInput(name, [2, len(row)], "BYTES")
        tensor.set_data_from_numpy(np.array([row, row], np.object_))
        inputs.append(tensor)
    with pytest.raises(InferenceServerException, match="batch-size must be <= 1"):
        server.infer("vqa_choose", inputs)
