"""The answer step: tokens become text, alike answers become one."""

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.helpers.step_settings import SETTINGS, WORDS
from training.tokenizer import new_tokenizer
from vitrine_steps.answer import candidates_from_decoder, text_from_ids
from vitrine_steps.heatmap import heatmap_from_attention


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return new_tokenizer().backend_tokenizer


def ids_of(tokenizer: Tokenizer, text: str, length: int = 8) -> np.ndarray:
    """Without the start token, padded, as the decoder writes them."""
    ids = tokenizer.encode(text).ids[1:]
    return np.array(ids + [0] * (length - len(ids)), np.int32)


@pytest.mark.parametrize("text", ["red", "cannot tell", "t-shirt", "two-tone", "3", "看不出来", "手提包", "t恤"])
def test_text_is_written_as_people_write_it(tokenizer: Tokenizer, text: str) -> None:
    assert text_from_ids(ids_of(tokenizer, text), tokenizer, SETTINGS) == text


def test_no_space_stays_beside_a_rare_chinese_character() -> None:
    rare = SimpleNamespace(decode=lambda ids, skip_special_tokens: "\U00020bb7 \u91ce")
    assert text_from_ids(np.array([1, 2], np.int32), cast(Tokenizer, rare), SETTINGS) == "\U00020bb7\u91ce"


def test_an_answer_without_an_end_is_taken_as_it_is(tokenizer: Tokenizer) -> None:
    red = tokenizer.token_to_id("red")
    assert text_from_ids(np.array([red] * 3, np.int32), tokenizer, SETTINGS) == "red red red"


def test_probability_is_the_product_over_tokens(tokenizer: Tokenizer) -> None:
    logprobs = np.log(np.array([[0.5, 0.8, 1, 1, 1, 1, 1, 1]], np.float32))
    (candidate,) = candidates_from_decoder(ids_of(tokenizer, "red")[None], logprobs, tokenizer, SETTINGS)
    assert candidate.text == "red"
    assert candidate.probability == pytest.approx(0.4)
    assert candidate.least == pytest.approx(0.5)


def test_answers_that_read_alike_are_one(tokenizer: Tokenizer) -> None:
    ids = np.stack([ids_of(tokenizer, text) for text in ("red", "blue", "red")])
    logprobs = np.log(np.array([[0.5], [0.25], [0.125]], np.float32)) / 8 * np.ones((1, 8), np.float32)
    candidates = candidates_from_decoder(ids, logprobs, tokenizer, SETTINGS)
    assert [c.text for c in candidates] == ["red", "blue"]
    assert candidates[0].probability == pytest.approx(0.625)


def test_the_greedy_answer_stays_first_and_the_others_follow_by_probability(tokenizer: Tokenizer) -> None:
    ids = np.stack([ids_of(tokenizer, text) for text in ("看不出来", "red", "blue")])
    logprobs = np.log(np.array([[0.3], [0.2], [0.4]], np.float32)) / 8 * np.ones((1, 8), np.float32)
    candidates = candidates_from_decoder(ids, logprobs, tokenizer, SETTINGS)
    assert [c.text for c in candidates] == ["看不出来", "blue", "red"]
    assert [c.tokens for c in candidates] == [(row != 0).sum() for row in ids[[0, 2, 1]]]


def test_heatmap_leaves_the_class_token_out_and_sums_to_one() -> None:
    attention = np.array([0.6, 0.1, 0.1, 0.0, 0.2], np.float32)
    assert heatmap_from_attention(attention, 2, WORDS, None) == pytest.approx(np.array([[0.25, 0.25], [0.0, 0.5]]))
    assert heatmap_from_attention(np.array([1, 0, 0, 0, 0], np.float32), 2, WORDS, None).tolist() == [[0, 0], [0, 0]]


def test_probabilities_that_are_no_numbers_are_an_error(tokenizer: Tokenizer) -> None:
    with pytest.raises(FloatingPointError):
        candidates_from_decoder(np.ones((2, 3), np.int32), np.full((2, 3), np.nan, np.float32), tokenizer, SETTINGS)
