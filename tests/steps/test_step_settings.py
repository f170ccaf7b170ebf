"""What the steps know of a checkpoint: written by the builder, read back, refused when it is of another format."""

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.helpers.chat_tokenizer import chat_tokenizer
from tests.helpers.step_settings import SETTINGS, WORDS, question_ids
from training.tokenizer import new_tokenizer
from vitrine_steps.answer import candidates_from_decoder, text_from_ids
from vitrine_steps.candidates import CandidateLimits, ids_from_candidates
from vitrine_steps.file_format import FormatError
from vitrine_steps.heatmap import heatmap_from_attention, size_in_margin
from vitrine_steps.question import QuestionLimits
from vitrine_steps.step_settings import FILE, StepSettings, read_settings, settings_to_json
from vitrine_steps.text import TextError

TOKENIZER = new_tokenizer().backend_tokenizer
LIMITS = CandidateLimits(max_candidates=4, max_bytes=64, max_tokens=8)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(json.dumps(settings_to_json(SETTINGS)), "utf-8")
    assert read_settings(tmp_path) == SETTINGS


@pytest.mark.parametrize("found", [None, 2])
def test_another_format_is_refused_by_name(tmp_path: Path, found: int | None) -> None:
    content = settings_to_json(SETTINGS)
    if found is None:
        del content["format"]
    else:
        content["format"] = found
    (tmp_path / FILE).write_text(json.dumps(content), "utf-8")
    with pytest.raises(FormatError, match=r"step\.json .*format 1 is expected: build the repository again"):
        read_settings(tmp_path)


@pytest.mark.parametrize("text", ["What colour is it?", "这是什么颜色的？"])
def test_padding_is_the_family_s(text: str) -> None:
    ids, mask = question_ids(text.encode(), TOKENIZER, QuestionLimits(4096, 20), replace(WORDS, pad_id=151643))
    assert set(ids[mask == 0]) == {151643}


def test_candidates_lose_the_family_s_prefix_and_get_its_padding() -> None:
    family = replace(WORDS, pad_id=9, prefix_tokens=0)
    red, _ = ids_from_candidates([b"red"], TOKENIZER, LIMITS, StepSettings(family, {"zh": ["看不出来"]}))
    assert red.tolist() == [*TOKENIZER.encode("red").ids, 9, 9, 9]


def test_a_family_without_unknown_words_takes_every_candidate() -> None:
    family = replace(WORDS, unknown_id=None)
    assert len(ids_from_candidates([b"crimson"], TOKENIZER, LIMITS, StepSettings(family))) == 1


@pytest.mark.parametrize("text", ["What colour is it?", "这是什么颜色的？"])
def test_what_stands_behind_a_question_counts_among_its_tokens(text: str) -> None:
    family = replace(WORDS, suffix_ids=(7, 8, 9))
    length = len(TOKENIZER.encode(text).ids)
    ids, mask = question_ids(text.encode(), TOKENIZER, QuestionLimits(4096, length + 3), family)
    assert ids.tolist() == [*TOKENIZER.encode(text).ids, 7, 8, 9]
    assert mask.all()
    with pytest.raises(TextError, match=f"the question has {length + 3} tokens, more than the {length + 2} allowed"):
        question_ids(text.encode(), TOKENIZER, QuestionLimits(4096, length + 2), family)


def test_answers_get_the_family_s_end_token() -> None:
    family = replace(WORDS, end_id=77)
    red, refusal = ids_from_candidates([b"red"], TOKENIZER, LIMITS, StepSettings(family, {"en": ["cannot tell"]}))
    assert red.tolist() == [*TOKENIZER.encode("red").ids[1:], 77, *[0] * (len(red) - 3)]
    assert refusal.tolist() == [*TOKENIZER.encode("cannot tell").ids[1:], 77]


def test_a_character_that_the_longest_answer_cuts_is_left_out() -> None:
    tokenizer = chat_tokenizer().backend_tokenizer
    ids = np.array(tokenizer.encode("红鱻").ids[:-1], np.int32)
    assert tokenizer.decode(ids.tolist()).endswith("\N{REPLACEMENT CHARACTER}")
    assert text_from_ids(ids, tokenizer, StepSettings(replace(WORDS, splits_words=False))) == "红"


@pytest.mark.parametrize(("splits_words", "text"), [(True, "手提包"), (False, "手 提 包")])
def test_spaces_stay_where_tokens_hold_their_own(splits_words: bool, text: str) -> None:
    ids = np.array(TOKENIZER.encode("手提包").ids[1:], np.int32)
    settings = StepSettings(replace(WORDS, splits_words=splits_words))
    assert text_from_ids(ids, TOKENIZER, settings) == text


def test_tokens_of_an_answer_are_counted_by_the_family_s_padding() -> None:
    ids = np.array([[*TOKENIZER.encode("red").ids[1:], 4, 4]], np.int32)
    (candidate,) = candidates_from_decoder(
        ids, np.zeros((1, 4), np.float32), TOKENIZER, StepSettings(replace(WORDS, pad_id=4))
    )
    assert candidate.tokens == 2


@pytest.mark.parametrize(("leading", "expected"), [(1, [[0, 1], [0, 0]]), (0, [[0, 0], [1, 0]]), (None, [[0, 0]] * 2)])
def test_a_heatmap_begins_behind_the_leading_tokens(leading: int | None, expected: list[list[float]]) -> None:
    attention = np.array([0, 0, 1, 0, 0], np.float32)
    family = replace(WORDS, leading_image_tokens=leading)
    assert heatmap_from_attention(attention, 2, family, None).tolist() == expected


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_heatmap_is_of_the_photo_and_not_of_its_margin(orientation: int, kind: str) -> None:
    """A photo twice as wide as high, upright: of four rows of patches, it takes the two in the middle."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    Image.new("RGB", (80, 40) if orientation == 1 else (40, 80)).save(buffer, kind, exif=exif)
    square = np.array([[9, 9, 9, 9], [4, 0, 0, 0], [0, 0, 0, 12], [9, 9, 9, 9]], np.float32)
    family = replace(WORDS, leading_image_tokens=0, photo_fit="pad")
    size = size_in_margin(buffer.getvalue(), family)
    assert size_in_margin(buffer.getvalue(), WORDS) is None
    found = heatmap_from_attention(square.reshape(-1), 4, family, size)
    assert found == pytest.approx(np.array([[4, 0, 0, 0]] * 2 + [[0, 0, 0, 12]] * 2) / 32)
