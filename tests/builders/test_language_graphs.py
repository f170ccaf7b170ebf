"""Language models as graphs: token by token what transformers' `generate` says, whatever stands in the batch."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

from builders.parity.onnx_engine import onnx_engine
from tests.helpers.language import (
    ANSWER_TOKENS,
    ANSWERS,
    END_IDS,
    IMAGE_TOKENS,
    PAD_ID,
    QUESTION_TOKENS,
    SIDE_PX,
    TinyModel,
    features_of,
    generated,
    logprobs_of,
    model_of,
    pack,
    write_decoder,
    write_encoder,
)

pytestmark = pytest.mark.night  # tests/end_to_end/test_chat_families.py asks the same of a whole build, every time
TINY = TinyModel()
RANDOM = np.random.default_rng(7)
PHOTOS = RANDOM.integers(0, 256, (4, SIDE_PX, SIDE_PX, 3), dtype=np.uint8)
LENGTHS = (1, 3, 10, 6, 2, 9, 4, 8)
QUESTIONS = [RANDOM.integers(10, 890, length).tolist() for length in LENGTHS]
FREE = -1
Engine = Callable[[dict[str, np.ndarray]], dict[str, np.ndarray]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("language")


@pytest.fixture(scope="module")
def encoder(folder: Path) -> Engine:
    write_encoder(TINY, folder / "image_encoder" / "model.onnx")
    return onnx_engine(folder / "image_encoder" / "model.onnx")


@pytest.fixture(scope="module")
def decoder_file(folder: Path) -> Path:
    write_decoder(TINY, folder / "answer_decoder" / "model.onnx")
    return folder / "answer_decoder" / "model.onnx"


@pytest.fixture(scope="module")
def decoder(decoder_file: Path) -> Engine:
    return onnx_engine(decoder_file)


@pytest.fixture(scope="module")
def packed() -> np.ndarray:
    return pack(np.stack([features_of(TINY, photo) for photo in PHOTOS]))


def asked(questions: list[list[int]], per_photo: int) -> dict[str, np.ndarray]:
    """[B, Q, L] ids and mask of as many photos as there is room for, in their order."""
    ids = np.zeros((len(questions), QUESTION_TOKENS), np.int32)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(questions):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    shape = (-1, per_photo, QUESTION_TOKENS)
    return {"QUESTION_IDS": ids.reshape(shape), "QUESTION_MASK": mask.reshape(shape)}


def free(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Add the K free rows of open questions."""
    rows = inputs["QUESTION_IDS"].shape[:2]
    return inputs | {"FORCED_IDS": np.full((*rows, ANSWERS, ANSWER_TOKENS), FREE, np.int32)}


def test_features_are_transformers(encoder: Engine) -> None:
    found = encoder({"PIXELS": PHOTOS})["ENCODED_FEATURES"]
    expected = np.stack([features_of(TINY, photo) for photo in PHOTOS])
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert encoder({"PIXELS": PHOTOS})["IMAGE_POOLED"] == pytest.approx(expected.mean(1), abs=1e-4)


@pytest.mark.parametrize(("photos", "per_photo"), [(1, 1), (3, 1), (4, 2), (1, 8)])
def test_tokens_are_those_of_generate(decoder: Engine, packed: np.ndarray, photos: int, per_photo: int) -> None:
    questions = QUESTIONS[: photos * per_photo]
    found = decoder({"IMAGE_FEATURES": packed[:photos], **free(asked(questions, per_photo))})
    greedy = found["ANSWER_IDS"].reshape(-1, ANSWERS, ANSWER_TOKENS)[:, 0].tolist()
    expected = [generated(TINY, PHOTOS[row // per_photo], tokens) for row, tokens in enumerate(questions)]
    assert greedy == expected
    assert found["ATTENTION"].sum(-1) == pytest.approx(np.ones((photos, per_photo)), abs=1e-5)
    assert found["ATTENTION"].shape == (photos, per_photo, IMAGE_TOKENS)
    assert found["IMAGE_SHA256"][:, 0].tolist() == [200 + row for row in range(photos)]


def test_answers_end_at_different_steps_and_with_either_end_token() -> None:
    """Else the test above would not show that ends are seen."""
    answers = [generated(TINY, PHOTOS[0], tokens) for tokens in QUESTIONS]
    assert len({tuple(answer) for answer in answers}) > 4


def test_alternatives_begin_with_the_likeliest_first_tokens(decoder: Engine, packed: np.ndarray) -> None:
    questions = QUESTIONS[:4]
    found = decoder({"IMAGE_FEATURES": packed, **free(asked(questions, 1))})
    for row, tokens in enumerate(questions):
        rows = found["ANSWER_IDS"][row, 0]
        firsts = [float(found["ANSWER_LOGPROBS"][row, 0, rank, 0]) for rank in range(ANSWERS)]
        assert firsts == sorted(firsts, reverse=True)
        for answer in rows[1:]:
            first = int(answer[0])
            rest = generated(TINY, PHOTOS[row], [*tokens, first], most=ANSWER_TOKENS - 1)
            assert answer.tolist() == [first, *(rest if first not in END_IDS else [PAD_ID] * (ANSWER_TOKENS - 1))]


@pytest.mark.parametrize("candidates", [1, 5, 17])
def test_lists_have_transformers_log_probabilities(decoder: Engine, packed: np.ndarray, candidates: int) -> None:
    said = [
        [*RANDOM.integers(10, 890, 1 + row % (ANSWER_TOKENS - 1)).tolist(), END_IDS[row % 2]]
        for row in range(candidates)
    ]
    forced = np.full((2, 1, candidates, ANSWER_TOKENS), PAD_ID, np.int32)
    for row, tokens in enumerate(said):
        forced[:, 0, row, : len(tokens)] = tokens
    found = decoder({"IMAGE_FEATURES": packed[:2], **asked(QUESTIONS[:2], 1), "FORCED_IDS": forced})
    for photo in range(2):
        for row, tokens in enumerate(said):
            logprobs = found["ANSWER_LOGPROBS"][photo, 0, row]
            assert logprobs[: len(tokens)] == pytest.approx(
                logprobs_of(TINY, PHOTOS[photo], QUESTIONS[photo], tokens), abs=1e-4
            )
            assert not logprobs[len(tokens) :].any()
            assert found["ANSWER_IDS"][photo, 0, row, : len(tokens)].tolist() == tokens


def test_free_and_forced_rows_share_a_question(decoder: Engine, packed: np.ndarray) -> None:
    inputs = free(asked(QUESTIONS[:1], 1))
    alone = decoder({"IMAGE_FEATURES": packed[:1], **inputs})
    inputs["FORCED_IDS"][0, 0, 2, :2] = [11, END_IDS[0]]
    mixed = decoder({"IMAGE_FEATURES": packed[:1], **inputs})
    assert mixed["ANSWER_IDS"][0, 0, :2].tolist() == alone["ANSWER_IDS"][0, 0, :2].tolist()
    assert mixed["ANSWER_IDS"][0, 0, 2, :3].tolist() == [11, END_IDS[0], PAD_ID]


@pytest.mark.parametrize("is_tied", [True, False])
def test_weights_are_stored_once(decoder_file: Path, tmp_path: Path, is_tied: bool) -> None:
    file = decoder_file
    if not is_tied:
        file = tmp_path / "model.onnx"
        write_decoder(TinyModel(is_tied=False), file)
    model = model_of(TinyModel(is_tied))
    parameters = {id(p): p for p in (*model.model.language_model.parameters(), *model.lm_head.parameters())}
    graph = onnx.load(file).graph
    stored = sum(len(tensor.raw_data) for tensor in graph.initializer)
    assert stored <= 1.05 * 4 * sum(p.numel() for p in parameters.values())
    (loop,) = [node for node in graph.node if node.op_type == "Loop"]
    (body,) = [attribute.g for attribute in loop.attribute if attribute.name == "body"]
    assert sum(len(tensor.raw_data) for tensor in body.initializer) < 1000
    names = {tensor.name for tensor in graph.initializer}
    kept = {n.input[0] for g in (graph, body) for n in g.node if n.op_type == "Transpose" and n.input[0] in names}
    assert len(kept) <= 1, "only the embedding is read in both orders"


def test_steps_written_out_answer_alike(decoder: Engine, packed: np.ndarray, tmp_path: Path) -> None:
    write_decoder(TINY, tmp_path / "model.onnx", "unrolled")
    unrolled = onnx_engine(tmp_path / "model.onnx")
    inputs = {"IMAGE_FEATURES": packed, **free(asked(QUESTIONS[:4], 1))}
    assert unrolled(inputs)["ANSWER_IDS"].tolist() == decoder(inputs)["ANSWER_IDS"].tolist()
