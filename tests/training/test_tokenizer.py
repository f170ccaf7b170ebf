"""The bundled tokenizer: both languages, and the same after saving."""

from pathlib import Path

import pytest
from transformers import AutoTokenizer

from catalogue.attributes import CATEGORIES, COLOURS, PATTERNS
from catalogue.dataset import records
from training.tokenizer import new_tokenizer, value_words, vocabulary


def test_every_answer_is_in_the_vocabulary() -> None:
    tokenizer = new_tokenizer()
    for table in (CATEGORIES, COLOURS, PATTERNS):
        for pair in table.items():
            for word in pair:
                assert tokenizer.unk_token_id not in tokenizer(word).input_ids, word


def test_training_questions_have_no_unknown_word() -> None:
    tokenizer = new_tokenizer()
    for _, record in records("train", 100, per_photo=7):
        assert tokenizer.unk_token_id not in tokenizer(record.question).input_ids, record.question


@pytest.mark.parametrize("text", ["What colour is it?", "这是什么颜色的？", "Ｔｗｏ－ｔｏｎｅ zebra 🙂"])
def test_saving_changes_nothing(tmp_path: Path, text: str) -> None:
    tokenizer = new_tokenizer()
    tokenizer.save_pretrained(tmp_path)
    assert AutoTokenizer.from_pretrained(tmp_path)(text).input_ids == tokenizer(text).input_ids


def test_a_word_that_is_not_known_is_unknown_as_a_whole() -> None:
    tokenizer = new_tokenizer()
    ids = tokenizer("what do you fancy?", add_special_tokens=False).input_ids
    assert ids.count(tokenizer.unk_token_id) == 1
    assert len(ids) == 5


def test_the_vocabulary_has_no_doubles_and_pads_with_zero() -> None:
    words = vocabulary()
    assert len(set(words)) == len(words)
    assert words[0] == "[PAD]"
    assert {"red", "绿", "3"} <= value_words()
