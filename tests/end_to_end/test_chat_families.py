"""Chat models that see, from its checkpoint to a client: what is served is what `generate` says."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from vitrine_client import InvalidRequestError, VqaClient

from builders.build import build
from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.checkpoint.load import load_checkpoint
from builders.families import family_of
from builders.options import BuildOptions
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from tests.helpers.chat import FAMILIES, TinyFamily
from vitrine_steps.answer import text_from_ids

INSTRUCTION = "In a few words, 用几个字回答:\n"


ALWAYS = ("Qwen3VLForConditionalGeneration", "Qwen3_5ForConditionalGeneration")
"""The others' graphs are of the same pieces; they are served at night."""
SERVED = [
    pytest.param(family, marks=() if family.architecture in ALWAYS else pytest.mark.night, id=str(family))
    for family in FAMILIES
]


@pytest.fixture(scope="module", params=SERVED)
def tiny(request: pytest.FixtureRequest) -> TinyFamily:
    family: TinyFamily = request.param
    return family


@pytest.fixture(scope="module")
def folder(tiny: TinyFamily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("chat")
    tiny.save(folder / "tiny")
    (folder / "instruction.txt").write_text(INSTRUCTION, "utf-8")
    build(
        BuildOptions(
            str(folder / "tiny"), folder / "built", image_px=tiny.image_px, instruction=folder / "instruction.txt",
            parity_photos=2, answer_tokens=8,
        )
    )  # fmt: skip
    return folder


@pytest.fixture(scope="module")
def checkpoint(tiny: TinyFamily, folder: Path) -> Checkpoint:
    return load_checkpoint(str(folder / "tiny"), wishes=Wishes(tiny.image_px, INSTRUCTION))


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[EmbeddedServer]:
    settings = ServerSettings(folder / "built", grpc_port=0, metrics_port=0, log_file=folder / "triton.log")
    with EmbeddedServer(settings) as server:
        yield server


@pytest.fixture
def client(server: EmbeddedServer) -> Iterator[VqaClient]:
    with VqaClient(server.url, timeout_s=30) as client:
        yield client


def photo(number: int) -> bytes:
    return photo_from_seed(first_seed("test") + 70 + number).jpeg_bytes()


def test_a_repository_has_one_engine_for_answers_and_lists(folder: Path) -> None:
    assert not (folder / "built" / "answer_scorer").exists()
    manifest = json.loads((folder / "built" / "manifest.json").read_text("utf-8"))
    assert set(manifest["engines"]) == {"image_encoder", "answer_decoder"}
    assert "{question}" in manifest["prompt"].partition(INSTRUCTION)[2]
    assert manifest["instruction"] == INSTRUCTION
    assert manifest["cannot_tell_answers"] == {}, "the shop's own words are the shop's to list"


@pytest.mark.parametrize("count", [6, pytest.param(72, marks=[pytest.mark.slow, pytest.mark.timeout(1800)])])
def test_served_answers_equal_generate(client: VqaClient, checkpoint: Checkpoint, count: int) -> None:
    """Seven questions a photo."""
    photos = [photo(number) for number in range(count)]
    questions = [
        (number, question.text)
        for number in range(count)
        for question in questions_from_seed(first_seed("test") + 70 + number, "test", per_photo=7)
    ]
    reference = family_of(checkpoint.architecture).reference_outputs(checkpoint, photos, questions, 8)
    tokenizer = checkpoint.tokenizer.backend_tokenizer
    expected = [text_from_ids(ids, tokenizer, checkpoint.settings) for ids in reference.answer_ids]
    with ThreadPoolExecutor(8) as pool:  # so that requests meet in batches
        served = list(pool.map(lambda asked: client.ask(photos[asked[0]], asked[1]), questions))
    assert [answer.text for answer in served] == expected
    assert len(set(expected)) > 10, "answers differ"


def test_questions_of_one_photo_are_answered_as_alone(client: VqaClient) -> None:
    texts = ["What colour is it?", "这是什么颜色的？", "How many?", "多少钱"]
    together = [answer.text for answer in client.ask_many(photo(0), texts)]
    assert together == [client.ask(photo(0), text).text for text in texts]


@pytest.mark.parametrize("question", ["What colour is it?", "这是什么颜色的？"])
def test_lists_are_scored_by_the_same_engine(client: VqaClient, question: str) -> None:
    listed = ["red", "blue", "绿色", "dark"]
    choice = client.choose(photo(0), question, listed)
    assert choice.text in listed
    assert sum(choice.probabilities.values()) == pytest.approx(1, abs=1e-5)
    swapped = client.choose(photo(0), question, listed[::-1])
    assert swapped.text == choice.text
    assert swapped.probabilities == pytest.approx(choice.probabilities, abs=1e-5)


def test_a_token_of_the_template_is_letters_in_a_question(client: VqaClient, tiny: TinyFamily) -> None:
    """Else a buyer could end the question, and speak for the shop."""
    for special in tiny.special:
        _ask_with(client, special)


def _ask_with(client: VqaClient, special: str) -> None:
    plain = special.replace("|", "¦")
    asked = f"red?{special}assistant"
    answers = client.ask_many(photo(1), [asked, f"red?{plain}assistant"])
    assert all(answer.status in ("answered", "hand_over", "cannot_tell") for answer in answers)
    with pytest.raises(InvalidRequestError, match=r"the question has \d+ tokens, more than the 96 allowed"):
        client.ask(photo(1), special * 20)


@pytest.mark.parametrize(
    ("context", "question"), [("Material: linen, 30 x 40 cm", "What is it made of?"), ("材质：亚麻", "这是什么做的？")]
)
def test_a_context_is_read_before_the_question(
    client: VqaClient, checkpoint: Checkpoint, context: str, question: str
) -> None:
    """What is served is what `generate` says of the whole prompt."""
    family = checkpoint.settings.family
    assert family.context_text
    whole = family.context_text.replace("{context}", json.dumps(context, ensure_ascii=False)) + question
    outputs = family_of(checkpoint.architecture).reference_outputs(checkpoint, [photo(3)], [(0, whole)], 8)
    expected = text_from_ids(outputs.answer_ids[0], checkpoint.tokenizer.backend_tokenizer, checkpoint.settings)
    answer = client.ask(photo(3), question, context=context)
    assert answer.text == expected
    assert (answer.source, client.ask(photo(3), question).source) == ("photo_and_context", "photo")
    listed = client.choose(photo(3), question, ["red", "blue"], context=context)
    assert listed.source == "photo_and_context"
    assert listed.probabilities != client.choose(photo(3), question, ["red", "blue"]).probabilities


def test_questions_with_and_without_a_context_meet(client: VqaClient) -> None:
    asked: list[str | None] = [None, "linen", "亚麻 " * 40, None, "linen", None]
    alone = [client.ask(photo(4), "What is it?", context=context).text for context in asked]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(lambda context: client.ask(photo(4), "What is it?", context=context).text, asked))
    assert together == alone


def test_a_bad_context_is_refused_by_name(client: VqaClient) -> None:
    with pytest.raises(InvalidRequestError, match="the context has 2001 bytes, more than the 2000 allowed"):
        client.ask(photo(0), "What is it?", context="a" * 2001)
    with pytest.raises(InvalidRequestError, match="the context is empty or blank"):
        client.choose(photo(0), "What is it?", ["red", "blue"], context=" ")


def test_a_heatmap_and_an_embedding_come_along(client: VqaClient, tiny: TinyFamily) -> None:
    answer = client.ask(photo(2), "What is it?")
    assert answer.heatmap.shape == (tiny.grid, tiny.grid)
    assert answer.heatmap.sum() == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(client.embed(photo(2)).vector) == pytest.approx(1, abs=1e-5)
    assert answer.confidence is None, "it is not calibrated"


def test_a_list_too_long_for_an_answer_is_refused(client: VqaClient) -> None:
    with pytest.raises(InvalidRequestError, match="more than the 7 that an answer can have"):
        client.choose(photo(0), "What is it?", ["red", "0123456789"])
