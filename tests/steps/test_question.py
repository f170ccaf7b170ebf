"""The question step: what reads as a question is tokenised, anything else is refused clearly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.helpers.step_settings import question_ids
from training.tokenizer import new_tokenizer
from vitrine_steps.question import QuestionLimits, padded_length
from vitrine_steps.text import TextError

LIMITS = QuestionLimits(max_bytes=200, max_tokens=16)


TOKENIZER: Tokenizer = new_tokenizer().backend_tokenizer


@pytest.fixture
def tokenizer() -> Tokenizer:
    return TOKENIZER


@pytest.mark.parametrize("question", ["What colour is it?", "这是什么颜色的？"])
def test_ids_are_the_tokenizers_padded_with_zero(tokenizer: Tokenizer, question: str) -> None:
    ids, mask = question_ids(question.encode(), tokenizer, LIMITS)
    expected = tokenizer.encode(question).ids
    assert ids.tolist() == expected + [0] * (16 - len(expected))
    assert mask.tolist() == [1] * len(expected) + [0] * (16 - len(expected))


@pytest.mark.parametrize(
    ("plain", "odd"),
    [
        ("is it red?", "Ｉｓ　ｉｔ　ｒｅｄ？"),  # full-width letters and a full-width space
        ("is it red?", "  IS  it\tred ?\n"),
        ("是2个吗?", "是２个吗？"),
    ],
)
def test_full_width_case_and_space_do_not_matter(tokenizer: Tokenizer, plain: str, odd: str) -> None:
    assert (
        question_ids(odd.encode(), tokenizer, LIMITS)[0].tolist()
        == question_ids(plain.encode(), tokenizer, LIMITS)[0].tolist()
    )


def test_emoji_and_rare_characters_become_unknown(tokenizer: Tokenizer) -> None:
    ids, mask = question_ids("🙂 龘?".encode(), tokenizer, LIMITS)
    assert mask.sum() >= 4
    assert tokenizer.token_to_id("[UNK]") in ids


@given(st.one_of(st.binary(max_size=300), st.text(max_size=100).map(lambda text: text.encode("utf-8", "replace"))))
def test_any_bytes_are_tokenised_or_refused(question: bytes) -> None:
    try:
        ids, mask = question_ids(question, TOKENIZER, LIMITS)
    except TextError as error:
        assert str(error)
        return
    assert mask.sum() >= 3, "start, something, end"
    assert not ids[mask == 0].any()


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty or blank"),
    "blank": (" \t\n　".encode(), "empty or blank"),
    "not UTF-8": ("颜色".encode("gb18030"), "not UTF-8"),
    "UTF-8 cut in the middle": ("颜色".encode()[:-1], "not UTF-8"),
    "control characters only": (b"\x01\x02", "nothing that can be read"),
    "a null byte": (b"what\0colour", "null byte at position 4"),
    "too many bytes": (b"a" * 201, "201 bytes, more than the 200"),
    "too many tokens, English": (b"what " * 15, "17 tokens, more than the 16"),
    "too many tokens, Chinese": (("颜色" * 8 + "？").encode(), "more than the 16"),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused(tokenizer: Tokenizer, sentence: str) -> None:
    question, words = REFUSED[sentence]
    with pytest.raises(TextError) as caught:
        question_ids(question, tokenizer, LIMITS)
    assert words in str(caught.value)


def test_the_tokenizer_is_left_as_it_was(tokenizer: Tokenizer) -> None:
    """It is the checkpoint's, and others tokenise with it too."""
    for own in (False, True):
        tokenizer.encode_special_tokens = own
        question_ids(b"[SEP] what?", tokenizer, LIMITS)
        assert tokenizer.encode_special_tokens is own
    tokenizer.encode_special_tokens = False


@pytest.mark.parametrize(
    ("tokens", "length"), [(1, 32), (32, 32), (33, 96), (96, 96), (97, 224), (300, 352), (608, 608)]
)
def test_lengths_are_few_where_they_vary(tokens: int, length: int) -> None:
    limits = QuestionLimits(4096, 96, max_context_tokens=512)
    assert padded_length(tokens, limits) == length
    assert padded_length(tokens, QuestionLimits(4096, 608)) == 608, "a family that reads no context has one length"
