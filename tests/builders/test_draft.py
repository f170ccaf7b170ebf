"""How cheaply large photos may be shrunk: as far as answers stay, and no further."""

import io
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from PIL import Image

from builders.dimensions import BuildDimensions
from builders.parity.draft import choose_draft_ratio, encode_drafted
from builders.parity.material import ParitySet
from builders.parity.outputs import Outputs
from builders.parity.tolerances import MIN_DRAFT_COSINES
from vitrine_steps.photo.pixels import DRAFT_RATIO

SIDE = 16
DIMENSIONS = BuildDimensions(
    image_px=SIDE, image_tokens=SIDE, image_width=3 * SIDE, grid=4, question_tokens=8, answers=1, answer_tokens=2
)


def photo(side_px: int, seed: int) -> bytes:
    """Smooth colours, as a JPEG."""
    small = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(small).resize((side_px, side_px), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def parity_set(photos: list[bytes], large: list[bytes]) -> ParitySet:
    tokenizer = SimpleNamespace(
        backend_tokenizer=SimpleNamespace(encode=lambda text, **_: SimpleNamespace(ids=[1, 2]), encode_special_tokens=0)
    )
    family = SimpleNamespace(photo_fit="stretch", pad_id=0, suffix_ids=(), leading_text_tokens=0, unknown_id=None)
    parts = SimpleNamespace(image_px=SIDE, steps=family)
    checkpoint = cast(Any, SimpleNamespace(parts=parts, tokenizer=tokenizer))
    return ParitySet(checkpoint, DIMENSIONS, photos, large, [(0, "What is it?")], cast(Any, None))


def encoder(inputs: Outputs) -> Outputs:
    """Features: the pixels, a row of them each."""
    rows = inputs["PIXELS"].reshape(1, SIDE, 3 * SIDE).astype(np.float32)
    return {"ENCODED_FEATURES": rows, "IMAGE_POOLED": rows.mean(1)}


def steady(inputs: Outputs) -> Outputs:
    return {"ANSWER_IDS": np.zeros((1, 1, 1, 2), np.int32), "ANSWER_LOGPROBS": np.zeros((1, 1, 1, 2), np.float32)}


def touchy(inputs: Outputs) -> Outputs:
    """The answer changes with any pixel."""
    ids = np.full((1, 1, 1, 2), int(inputs["IMAGE_FEATURES"][0, :SIDE].sum()), np.int32)
    return {"ANSWER_IDS": ids, "ANSWER_LOGPROBS": np.zeros((1, 1, 1, 2), np.float32)}


def torn(inputs: Outputs) -> Outputs:
    """Two answers are nearly as likely, and any pixel decides between them."""
    ids = np.array([[[[1, 2], [3, 4]]]], np.int32)
    if int(inputs["IMAGE_FEATURES"][0, :SIDE].sum()) % 3 > 0:
        ids = ids[:, :, ::-1]
    return {"ANSWER_IDS": ids, "ANSWER_LOGPROBS": np.array([[[[-0.68, 0.0], [-0.72, 0.0]]]], np.float32)}


@pytest.mark.parametrize(
    ("decoder", "max_tie", "ratio"),
    [
        (steady, 0.0, min(MIN_DRAFT_COSINES)),
        (touchy, 0.1, DRAFT_RATIO),
        (torn, 0.1, min(MIN_DRAFT_COSINES)),
        (torn, 0.02, DRAFT_RATIO),
    ],
)
def test_the_ratio_falls_until_an_answer_changes(
    decoder: Any, max_tie: float, ratio: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.parity.draft.question_tensors", lambda *_: {})
    material = parity_set([photo(60, 0)], [photo(300, 1)])
    whole = [
        encoder({"PIXELS": np.zeros((1, SIDE, SIDE, 3), np.uint8)})
        | {"IMAGE_FEATURES": np.zeros((1, SIDE + 2, 3 * SIDE))}
    ]
    drafted = encode_drafted(encoder, material, whole)
    assert 1 in drafted[8].photos, "the large photo comes out otherwise"
    assert 0 not in drafted[4].photos, "what is small is decoded in full"
    material = parity_set([photo(60, 0)], [photo(300, 1)])
    chosen, report = choose_draft_ratio(decoder, material, drafted, {}, max_tie)
    assert chosen == ratio
    assert report
    assert report.output == "SHRUNK_PHOTOS"


def test_without_a_photo_that_comes_out_otherwise_the_safest_ratio_stays() -> None:
    whole = [encoder({"PIXELS": np.zeros((1, SIDE, SIDE, 3), np.uint8)})]
    assert choose_draft_ratio(
        touchy, parity_set([photo(20, 0)], []), encode_drafted(encoder, parity_set([photo(20, 0)], []), whole), {}
    ) == (DRAFT_RATIO, None)


def test_a_ratio_that_fails_is_no_fault_of_one_that_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where large photos are refused for their size, no photo may come out otherwise but at the smallest ratio."""
    monkeypatch.setitem(MIN_DRAFT_COSINES, 2, 1.1)
    material = parity_set([photo(64, 0)], [])
    whole = [encoder({"PIXELS": np.full((1, SIDE, SIDE, 3), 128, np.uint8)})]
    drafted = encode_drafted(encoder, material, whole)
    assert [bool(drafted[ratio].photos) for ratio in (2, 4, 8)] == [True, False, False]
    assert choose_draft_ratio(steady, material, drafted, {}) == (DRAFT_RATIO, None)
