"""The exported graphs answer like transformers, whatever the size, the batch and the end."""

import itertools
from typing import Any

import numpy as np
import pytest
import torch

from builders.options import STRATEGIES
from tests.helpers.graphs import (
    ANSWER_TOKENS,
    MEAN,
    QUESTION_TOKENS,
    QUESTIONS,
    STD,
    Graphs,
    SmallModel,
    model_of,
    packed,
    question_tensors,
)
from training.random_checkpoint import Geometry
from training.tokenizer import new_tokenizer

# A name that says what is special, and the model.
CASES = {
    "small, ends early and late": SmallModel(end_bias=6.0),
    "deeper text, more patches": SmallModel(Geometry(image_px=48, text_layers=3, vision_layers=3), 4.0),
}
AT_NIGHT = {
    "ends at once": SmallModel(end_bias=60.0),
    "never ends": SmallModel(end_bias=-60.0),
    "wider, more heads": SmallModel(Geometry(width=48, heads=4), 8.0),
}
NAMES = [*CASES, *(pytest.param(name, marks=pytest.mark.night) for name in AT_NIGHT)]
SEVERAL = SmallModel()
"""Model of the tests that ask for several answers to each question."""


@pytest.mark.parametrize("name", NAMES)
def test_the_scorer_gives_candidates_what_transformers_gives_them(name: str, graphs: Graphs) -> None:
    """Of any number and length; those of one token and those that fill all places."""
    small = (CASES | AT_NIGHT)[name]
    scorer, side_px = graphs.scorer(small), small.geometry.image_px
    random = np.random.default_rng(1)
    photo = random.integers(0, 256, (1, side_px, side_px, 3), dtype=np.uint8)
    features = graphs.encoder(small)({"PIXELS": photo})["ENCODED_FEATURES"]
    for count, longest in ((1, 1), (1, ANSWER_TOKENS), (5, 3), (64, ANSWER_TOKENS)):
        lengths = [longest, *random.integers(1, longest + 1, count - 1)]
        ids = np.array([[*random.integers(6, 400, n), *[0] * (longest - n)] for n in lengths], np.int32)
        question = QUESTIONS[count % len(QUESTIONS)]
        inputs = {"IMAGE_FEATURES": packed(features), **question_tensors([question]), "CANDIDATE_IDS": ids[None]}
        out = scorer(inputs)
        assert out["CANDIDATE_LOGPROBS"].shape == (1, count, longest)
        for row, length in enumerate(lengths):
            expected = [*scored(model_of(small), features[0], question, ids[row, :length]), *[0.0] * (longest - length)]
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
        max_new_tokens=ANSWER_TOKENS,
        do_sample=False,
    )[0, 1:].tolist()
    return tokens + [model.config.text_config.pad_token_id] * (ANSWER_TOKENS - len(tokens))


@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        *((name, "loop") for name in CASES),
        (next(iter(CASES)), "unrolled"),
        *(pytest.param(name, "loop", marks=pytest.mark.night) for name in AT_NIGHT),
    ],
)
def test_answers_equal_generate_for_every_batch(name: str, strategy: str, graphs: Graphs) -> None:
    small = (CASES | AT_NIGHT)[name]
    model, decoder, side_px = model_of(small), graphs.decoder(small, 1, strategy), small.geometry.image_px
    photos = np.random.default_rng(0).integers(0, 256, (8, side_px, side_px, 3), dtype=np.uint8)
    encoded = graphs.encoder(small)({"PIXELS": photos})
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
        assert lengths == {1 if name == "ends at once" else ANSWER_TOKENS}
    else:
        assert len(lengths) > 1, "early and late ends in one batch"


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_k_answers_start_with_the_k_best_tokens_and_the_first_is_greedy(strategy: str, graphs: Graphs) -> None:
    photos = np.random.default_rng(1).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)
    features = graphs.encoder(SEVERAL)({"PIXELS": photos})["ENCODED_FEATURES"]
    out = graphs.decoder(SEVERAL, 4, strategy)({"IMAGE_FEATURES": packed(features), **question_tensors(QUESTIONS[:3])})
    ids, logprobs = out["ANSWER_IDS"][:, 0], out["ANSWER_LOGPROBS"][:, 0]
    assert ids.shape == (3, 4, ANSWER_TOKENS)
    for row in range(3):
        assert ids[row, 0].tolist() == generated(model_of(SEVERAL), features[row], QUESTIONS[row])
        assert len(set(ids[row, :, 0])) == 4, "four different first tokens"
        assert logprobs[row, :, 0].tolist() == sorted(logprobs[row, :, 0], reverse=True)
    assert (logprobs <= 0).all()


def test_padding_and_neighbours_do_not_change_an_answer(graphs: Graphs) -> None:
    decoder = graphs.decoder(SEVERAL, 4)
    photos = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    features = graphs.encoder(SEVERAL)({"PIXELS": photos})["ENCODED_FEATURES"]
    together = decoder({"IMAGE_FEATURES": packed(features), **question_tensors(QUESTIONS)})
    for row in range(8):
        alone = decoder(
            {"IMAGE_FEATURES": packed(features[row : row + 1]), **question_tensors(QUESTIONS[row : row + 1])}
        )
        assert alone["ANSWER_IDS"][0].tolist() == together["ANSWER_IDS"][row].tolist()
        np.testing.assert_allclose(alone["ANSWER_LOGPROBS"][0], together["ANSWER_LOGPROBS"][row], atol=1e-4)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_questions_about_one_photo_are_answered_together_as_alone(strategy: str, graphs: Graphs) -> None:
    decoder = graphs.decoder(SEVERAL, 4, strategy)
    photos = np.random.default_rng(3).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    features = packed(graphs.encoder(SEVERAL)({"PIXELS": photos})["ENCODED_FEATURES"])
    asked = {name: rows.reshape(2, 4, QUESTION_TOKENS) for name, rows in question_tensors(QUESTIONS).items()}
    together = decoder({"IMAGE_FEATURES": features, **asked})
    assert together["IMAGE_SHA256"].tolist() == [[200 + row] * 32 for row in range(2)]
    for photo, question in itertools.product(range(2), range(4)):
        one = {name: rows[photo : photo + 1, question : question + 1] for name, rows in asked.items()}
        alone = decoder({"IMAGE_FEATURES": features[photo : photo + 1], **one})
        for name in ("ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION"):
            np.testing.assert_allclose(alone[name][0, 0], together[name][photo, question], atol=1e-4)
