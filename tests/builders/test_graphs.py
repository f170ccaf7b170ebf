"""The exported graphs answer like transformers, whatever the size, the batch and the end."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from builders.graphs.answer_decoder import AnswerDecoder, DecoderOptions
from builders.graphs.answer_scorer import AnswerScorer
from builders.graphs.export import export_answer_decoder, export_answer_scorer, export_image_encoder
from builders.graphs.image_encoder import ImageEncoder
from builders.options import STRATEGIES
from builders.parity.onnx_engine import onnx_engine
from builders.repository.configs import EXTRA_ROWS
from training.random_checkpoint import Geometry, random_blip
from training.tokenizer import new_tokenizer
from vitrine_steps.features import packed_features

L, T = 20, 7
MEAN, STD = (0.48, 0.46, 0.41), (0.27, 0.26, 0.28)
QUESTIONS = (
    "What colour is it?", "这是什么？", "Is the mug red or blue?", "有几个", "How many items are there?",
    "是红色还是蓝色？", "What pattern?", "多少钱",
)  # fmt: skip

# A name that says what is special, the geometry, and the bias of the end token.
CASES = {
    "small, ends early and late": (Geometry(), 6.0),
    "ends at once": (Geometry(), 60.0),
    "never ends": (Geometry(), -60.0),
    "wider, more heads": (Geometry(width=48, heads=4), 8.0),
    "deeper text, more patches": (Geometry(image_px=48, text_layers=3, vision_layers=3), 4.0),
}


def engines(model: Any, folder: Path, answers: int, strategy: str = "loop") -> tuple[Any, Any]:
    text, vision = model.config.text_config, model.config.vision_config
    export_image_encoder(ImageEncoder(model.vision_model, MEAN, STD), folder / "e.onnx", image_px=vision.image_size)
    options = DecoderOptions(answers, T, text.bos_token_id, text.sep_token_id, text.pad_token_id, strategy)
    decoder = AnswerDecoder(model.text_encoder, model.text_decoder, options)
    export_answer_decoder(decoder, folder / "d.onnx", **sizes(model))
    return onnx_engine(folder / "e.onnx"), onnx_engine(folder / "d.onnx")


def scorer_engine(model: Any, folder: Path) -> Any:
    text = model.config.text_config
    options = DecoderOptions(1, T, text.bos_token_id, text.sep_token_id, text.pad_token_id)
    scorer = AnswerScorer(model.text_encoder, model.text_decoder, options)
    export_answer_scorer(scorer, folder / "s.onnx", **sizes(model), answer_tokens=T)
    return onnx_engine(folder / "s.onnx")


def sizes(model: Any) -> dict[str, int]:
    vision = model.config.vision_config
    return {
        "packed_rows": (vision.image_size // vision.patch_size) ** 2 + 1 + EXTRA_ROWS,
        "image_width": vision.hidden_size,
        "question_tokens": L,
    }


@pytest.mark.parametrize("name", CASES)
def test_the_scorer_gives_candidates_what_transformers_gives_them(name: str, tmp_path: Path) -> None:
    """Of any number and length; those of one token and those that fill all places."""
    geometry, end_bias = CASES[name]
    model = random_blip(geometry, seed=4, end_bias=end_bias)
    encoder, _ = engines(model, tmp_path, 1)
    scorer = scorer_engine(model, tmp_path)
    random = np.random.default_rng(1)
    photo = random.integers(0, 256, (1, geometry.image_px, geometry.image_px, 3), dtype=np.uint8)
    features = encoder({"PIXELS": photo})["ENCODED_FEATURES"]
    for count, longest in ((1, 1), (1, T), (5, 3), (64, T)):
        lengths = [longest, *random.integers(1, longest + 1, count - 1)]
        ids = np.array([[*random.integers(6, 400, n), *[0] * (longest - n)] for n in lengths], np.int32)
        question = QUESTIONS[count % len(QUESTIONS)]
        inputs = {"IMAGE_FEATURES": packed(features), **question_tensors([question]), "CANDIDATE_IDS": ids[None]}
        out = scorer(inputs)
        assert out["CANDIDATE_LOGPROBS"].shape == (1, count, longest)
        for row, length in enumerate(lengths):
            expected = [*scored(model, features[0], question, ids[row, :length]), *[0.0] * (longest - length)]
            np.testing.assert_allclose(out["CANDIDATE_LOGPROBS"][0, row], expected, atol=2e-3)
        assert out["IMAGE_SHA256"].tolist() == [[200] * 32]


@torch.no_grad()
def scored(model: Any, features: np.ndarray, question: str, ids: np.ndarray) -> list[float]:
    """Log-probability of each token by transformers, alone and unpadded."""
    asked = new_tokenizer()(question, return_tensors="pt")
    states = model.text_encoder(
        input_ids=asked.input_ids,
        attention_mask=asked.attention_mask,
        encoder_hidden_states=torch.from_numpy(features).float()[None],
    ).last_hidden_state
    given = torch.tensor([[model.decoder_start_token_id, *ids[:-1]]])
    logits = model.text_decoder(input_ids=given, encoder_hidden_states=states).logits[0]
    wanted = torch.from_numpy(ids.astype(np.int64))
    return torch.log_softmax(logits, 1).gather(1, wanted[:, None])[:, 0].tolist()


def packed(features: np.ndarray) -> np.ndarray:
    """As the serving step packs them, with a digest that names the row."""
    rows = np.arange(len(features), dtype=np.uint8)[:, None]
    return packed_features(features, features[:, 0], np.tile(rows + 200, (1, 32)))


def question_tensors(questions: Sequence[str]) -> dict[str, np.ndarray]:
    """One question about each photo: [B, 1, L]."""
    tokenizer = new_tokenizer()
    ids = np.zeros((len(questions), L), np.int32)
    mask = np.zeros((len(questions), L), np.int32)
    for row, question in enumerate(questions):
        tokens = tokenizer(question).input_ids
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return {"QUESTION_IDS": ids[:, None], "QUESTION_MASK": mask[:, None]}


@torch.no_grad()
def generated(model: Any, features: np.ndarray, question: str) -> list[int]:
    """Tokens by transformers, from the very features that the engine got, [N, D] FP16."""
    asked = new_tokenizer()(question, return_tensors="pt")
    states = model.text_encoder(
        input_ids=asked.input_ids,
        attention_mask=asked.attention_mask,
        encoder_hidden_states=torch.from_numpy(features).float()[None],
    ).last_hidden_state
    tokens = model.text_decoder.generate(
        input_ids=torch.tensor([[model.decoder_start_token_id]]),
        encoder_hidden_states=states,
        eos_token_id=model.config.text_config.sep_token_id,
        pad_token_id=model.config.text_config.pad_token_id,
        max_new_tokens=T,
        do_sample=False,
    )[0, 1:].tolist()
    return tokens + [model.config.text_config.pad_token_id] * (T - len(tokens))


@pytest.mark.parametrize(("name", "strategy"), [*((name, "loop") for name in CASES), (next(iter(CASES)), "unrolled")])
def test_answers_equal_generate_for_every_batch(name: str, strategy: str, tmp_path: Path) -> None:
    geometry, end_bias = CASES[name]
    model = random_blip(geometry, seed=3, end_bias=end_bias)
    encoder, decoder = engines(model, tmp_path, 1, strategy)
    photos = np.random.default_rng(0).integers(0, 256, (8, geometry.image_px, geometry.image_px, 3), dtype=np.uint8)
    encoded = encoder({"PIXELS": photos})
    with torch.no_grad():
        scaled = (torch.from_numpy(photos).float() / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
        expected = model.vision_model(scaled.permute(0, 3, 1, 2))
    # FP16 keeps 11 bits: a relative error of 5e-4, of values up to 4.
    np.testing.assert_allclose(encoded["ENCODED_FEATURES"], expected.last_hidden_state.numpy(), atol=4e-3)
    np.testing.assert_allclose(encoded["IMAGE_POOLED"], expected.pooler_output.numpy(), atol=4e-3)

    features = encoded["ENCODED_FEATURES"]
    wanted = [generated(model, features[row], QUESTIONS[row]) for row in range(8)]
    for batch in (1, 3, 8):
        rows = slice(0, batch)
        out = decoder({"IMAGE_FEATURES": packed(features[rows]), **question_tensors(QUESTIONS[rows])})
        assert out["ANSWER_IDS"][:, 0, 0].tolist() == wanted[rows]
        assert out["IMAGE_SHA256"].tolist() == [[200 + row] * 32 for row in range(batch)]
        np.testing.assert_allclose(out["ATTENTION"].sum(axis=2), 1, atol=1e-5)
    lengths = {len([t for t in row if t]) for row in wanted}
    if name in ("ends at once", "never ends"):
        assert lengths == {1 if name == "ends at once" else T}
    else:
        assert len(lengths) > 1, "early and late ends in one batch"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_k_answers_start_with_the_k_best_tokens_and_the_first_is_greedy(strategy: str, tmp_path: Path) -> None:
    model = random_blip(Geometry(), seed=5, end_bias=2.0)
    encoder, decoder = engines(model, tmp_path, 4, strategy)
    photos = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    features = encoder({"PIXELS": photos})["ENCODED_FEATURES"]
    out = decoder({"IMAGE_FEATURES": packed(features), **question_tensors(QUESTIONS[:3])})
    ids, logprobs = out["ANSWER_IDS"][:, 0], out["ANSWER_LOGPROBS"][:, 0]
    assert ids.shape == (3, 4, T)
    for row in range(3):
        assert ids[row, 0].tolist() == generated(model, features[row], QUESTIONS[row])
        assert len(set(ids[row, :, 0])) == 4, "four different first tokens"
        assert logprobs[row, :, 0].tolist() == sorted(logprobs[row, :, 0], reverse=True)
    assert (logprobs <= 0).all()


def test_padding_and_neighbours_do_not_change_an_answer(tmp_path: Path) -> None:
    model = random_blip(Geometry(), seed=7, end_bias=2.0)
    encoder, decoder = engines(model, tmp_path, answers=2)
    photos = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    features = encoder({"PIXELS": photos})["ENCODED_FEATURES"]
    together = decoder({"IMAGE_FEATURES": packed(features), **question_tensors(QUESTIONS)})
    for row in range(8):
        alone = decoder(
            {"IMAGE_FEATURES": packed(features[row : row + 1]), **question_tensors(QUESTIONS[row : row + 1])}
        )
        assert alone["ANSWER_IDS"][0].tolist() == together["ANSWER_IDS"][row].tolist()
        np.testing.assert_allclose(alone["ANSWER_LOGPROBS"][0], together["ANSWER_LOGPROBS"][row], atol=1e-4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_questions_about_one_photo_are_answered_together_as_alone(strategy: str, tmp_path: Path) -> None:
    model = random_blip(Geometry(), seed=8, end_bias=2.0)
    encoder, decoder = engines(model, tmp_path, 2, strategy)
    photos = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    features = packed(encoder({"PIXELS": photos})["ENCODED_FEATURES"])
    asked = {name: rows.reshape(2, 4, L) for name, rows in question_tensors(QUESTIONS).items()}
    together = decoder({"IMAGE_FEATURES": features, **asked})
    assert together["IMAGE_SHA256"].tolist() == [[200 + row] * 32 for row in range(2)]
    for photo, question in itertools.product(range(2), range(4)):
        one = {name: rows[photo : photo + 1, question : question + 1] for name, rows in asked.items()}
        alone = decoder({"IMAGE_FEATURES": features[photo : photo + 1], **one})
        for name in ("ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION"):
            np.testing.assert_allclose(alone[name][0, 0], together[name][photo, question], atol=1e-4)
