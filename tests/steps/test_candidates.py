"""The list of allowed answers: tokenised, or refused with the reason."""

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.helpers.step_settings import SETTINGS
from training.tokenizer import new_tokenizer
from vitrine_steps.candidates import FREE, CandidateLimits, forced_rows, free_rows, ids_from_candidates
from vitrine_steps.text import TextError

LIMITS = CandidateLimits(max_candidates=256, max_bytes=64, max_tokens=8)
REFUSALS = SETTINGS.cannot_tell()


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return new_tokenizer().backend_tokenizer


def ids(tokenizer: Tokenizer, *candidates: str) -> np.ndarray:
    return ids_from_candidates([c.encode() for c in candidates], tokenizer, LIMITS, SETTINGS)


@pytest.mark.parametrize("candidates", [("red", "two-tone"), ("红色", "手提包"), ("3",), ("t恤", "yes")])
def test_each_row_is_a_candidate_with_its_end_and_refusals_come_last(
    tokenizer: Tokenizer, candidates: tuple[str, ...]
) -> None:
    rows = ids(tokenizer, *candidates)
    assert rows.shape[0] == len(candidates) + 2
    for row, text in zip(rows, (*candidates, *REFUSALS), strict=True):
        expected = tokenizer.encode(text).ids[1:]
        assert row.tolist() == expected + [0] * (rows.shape[1] - len(expected))
        assert expected[-1] == tokenizer.token_to_id("[SEP]")


def test_the_longest_decides_the_width(tokenizer: Tokenizer) -> None:
    assert ids(tokenizer, "red").shape == (3, 5), "看不出来 and its end"


@pytest.mark.parametrize(
    ("candidates", "message"),
    [
        ([], "the list of candidates is empty: name at least one"),
        ([b"red"] * 257, "257 candidates came, more than the 256 allowed"),
        ([b"red", b" Red "], 'candidates 1 ("red") and 2 (" Red ") are the same to the model'),
        (["红色".encode(), "红 色".encode()], "are the same to the model: leave one out"),
        ([b"red", b"  "], "candidate 2 of 2 is empty or blank"),
        ([b"red", b"crimson"], 'candidate 2 of 2 ("crimson") has a word that this checkpoint does not know'),
        ([b"red " * 8], "has 8 tokens, more than the 7 that an answer can have"),
        ([b"red", b"[SEP]"], 'candidate 2 of 2 ("[SEP]") has a word that this checkpoint does not know'),
        ([b"red", b"red [PAD]"], "has a word that this checkpoint does not know"),
        (
            [b"red", b"Cannot tell"],
            'candidate 2 of 2 ("Cannot tell") is what this checkpoint says when the photo does not',
        ),
        (["看不出来".encode()], "leave it out, and read it off STATUS"),
        ([b"r" * 65], "candidate 1 of 1 has 65 bytes, more than the 64 allowed"),
        ([b"\xff"], "candidate 1 of 1 is not UTF-8"),
        ([b"a\0b"], "has a null byte at position 1"),
        (["\u200b\u200b".encode()], "holds nothing that can be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_bad_list_is_refused_with_the_reason(tokenizer: Tokenizer, candidates: list[bytes], message: str) -> None:
    with pytest.raises(TextError) as caught:
        ids_from_candidates(candidates, tokenizer, LIMITS, SETTINGS)
    assert message in str(caught.value)


def test_forced_rows_are_as_long_as_the_longest_answer() -> None:
    one = np.array([[5, 6], [7, 9]], np.int32)
    assert forced_rows(one, 4, 9).tolist() == [[[5, 6, 9, 9], [7, 9, 9, 9]]]
    assert forced_rows(one[None], 4, 9).tolist() == [[[[5, 6, 9, 9], [7, 9, 9, 9]]]]
    assert (free_rows(2, 1, 3, 4) == FREE).all()
    assert free_rows(2, 1, 3, 4).shape == (2, 1, 3, 4)
