"""The steps as Triton calls them, in this process: tensors and codes, and that no error tells of the inside."""

import hashlib
import importlib
import io
import json
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from builders.repository.source import SOURCE
from tests.helpers.python_backend import (
    COUNTS,
    LOGGED,
    InferenceRequest,
    InferenceResponse,
    TritonError,
    ask,
    load_step,
    python_backend,
)
from vitrine_steps.features import stamp

Load = Callable[[str], Any]
EN, ZH = "What colour is it?", "这是什么颜色？"


@pytest.fixture(scope="module")
def load(repository: Path) -> Iterator[Load]:
    with python_backend():
        yield lambda name: load_step(repository, name)


@pytest.fixture(autouse=True)
def _no_counts_of_others() -> None:
    COUNTS.clear()
    LOGGED.clear()


def texts(*values: str | bytes) -> np.ndarray:
    """[1, n] BYTES."""
    return np.array([[value.encode() if isinstance(value, str) else value for value in values]], np.object_)


def png(shade: int = 200) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (64, 48), (shade, 30, 30)).save(buffer, "PNG")
    return buffer.getvalue()


def digest(photo: bytes) -> np.ndarray:
    return np.frombuffer(hashlib.sha256(photo).digest(), np.uint8)[None]


def refused(response: InferenceResponse, code: int, words: str) -> None:
    assert response.error, "it was answered"
    assert (response.error.code, words in response.error.message) == (code, True), response.error


def test_a_photo_becomes_pixels_and_its_digest(load: Load) -> None:
    step = load("image_preprocess")
    response = ask(step, IMAGE=texts(png()))
    assert response.tensor("PIXELS").shape == (1, step.side_px, step.side_px, 3)
    assert np.array_equal(response.tensor("IMAGE_SHA256"), digest(png()))
    refused(ask(step, IMAGE=texts(b"no photo")), TritonError.INVALID_ARG, "photo")
    assert COUNTS["vitrine_errors_total", "image_preprocess", "INVALID_ARG"] == 1


def test_a_bad_request_harms_no_other_and_a_cancelled_one_costs_nothing(load: Load) -> None:
    step = load("image_preprocess")
    requests = [InferenceRequest({"IMAGE": texts(photo)}) for photo in (png(), b"no photo", png(0))]
    requests.append(InferenceRequest({"IMAGE": texts(png())}, cancelled=True))
    good, bad, other, cancelled = step.execute(requests)
    assert not np.array_equal(good.tensor("PIXELS"), other.tensor("PIXELS"))
    refused(bad, TritonError.INVALID_ARG, "photo")
    refused(cancelled, TritonError.CANCELLED, "the caller cancelled the request")


@pytest.mark.parametrize("question", [EN, ZH])
def test_questions_become_ids_and_a_mask(load: Load, question: str) -> None:
    response = ask(load("question_preprocess"), QUESTION=texts(question, EN))
    ids, mask = response.tensor("QUESTION_IDS"), response.tensor("QUESTION_MASK")
    assert ids.shape == mask.shape == (1, 2, ids.shape[-1])
    assert (ids[mask == 0] == 0).all()
    assert mask.sum(-1).min() > 2


def test_of_several_questions_the_one_at_fault_is_named(load: Load) -> None:
    step = load("question_preprocess")
    refused(ask(step, QUESTION=texts(EN, " ", ZH)), TritonError.INVALID_ARG, "question 2 of 3: the question is empty")
    refused(ask(step, QUESTION=texts(*[EN] * 17)), TritonError.INVALID_ARG, "17 questions about one photo came")


def test_what_we_did_not_foresee_is_logged_and_told_without_its_inside(load: Load) -> None:
    refused(ask(load("question_preprocess")), TritonError.INTERNAL, "internal error; the server's log has the reason")
    assert len(LOGGED) == 1
    assert LOGGED[0].startswith("request '7': KeyError in question_preprocess.py, line ")


def test_candidates_become_ids_and_refusals_come_last(load: Load) -> None:
    step = load("candidates_preprocess")
    ids = ask(step, CANDIDATES=texts("red", "红色")).tensor("CANDIDATE_IDS")
    assert ids.shape[:2] == (1, 2 + len(step.settings.cannot_tell()))
    refused(ask(step, CANDIDATES=texts("red", "red")), TritonError.INVALID_ARG, "red")


def decoded(step: Any, text: str, photo: bytes, question: str) -> dict[str, np.ndarray]:
    """What the decoder would give for one question whose likeliest answer is `text`."""
    tokens = step.tokenizer.encode(text, add_special_tokens=False).ids
    answers, length = step.alternatives, max(8, len(tokens) + 2)
    ids = np.full((1, 1, answers, length), step.tokenizer.token_to_id("[SEP]"), np.int32)
    ids[..., : len(tokens)] = tokens
    return {
        "IMAGE": texts(photo),
        "IMAGE_SHA256": stamp(digest(photo), step.release),
        "QUESTION": texts(question),
        "ANSWER_IDS": ids,
        "ANSWER_LOGPROBS": np.full(ids.shape, -0.01, np.float32),
        "ATTENTION": np.ones((1, 1, step.grid**2 + 1), np.float32),
    }


@pytest.mark.parametrize(("question", "answer"), [(EN, "red"), (ZH, "红色")])
def test_tokens_become_an_answer_with_its_verdict(load: Load, question: str, answer: str) -> None:
    step = load("answer_postprocess")
    response = ask(step, **decoded(step, answer, png(), question))
    assert response.tensor("ANSWER").tolist() == [[answer.encode()]]
    assert response.tensor("STATUS")[0, 0] in (b"answered", b"hand_over")
    assert response.tensor("HEATMAP").sum() == pytest.approx(1, abs=1e-3)
    assert 0 < response.tensor("CONFIDENCE")[0, 0] <= 1
    assert response.tensor("RELEASE")[0, 0].startswith(b"vitrine-small")
    language = "en" if question == EN else "zh"
    assert [key[2] for key, count in COUNTS.items() if key[0] == "vitrine_verdicts_total" and count] == [language]


def test_features_of_another_photo_are_refused_and_counted(load: Load) -> None:
    step = load("answer_postprocess")
    refused(ask(step, **{**decoded(step, "red", png(), EN), "IMAGE": texts(png(0))}), TritonError.INTERNAL, "photo")
    assert COUNTS["vitrine_feature_mismatch_total", "answer_postprocess"] == 1


def test_features_of_another_release_are_refused_and_counted(load: Load) -> None:
    step = load("answer_postprocess")
    others = decoded(step, "red", png(), EN) | {"IMAGE_SHA256": stamp(digest(png()), "vitrine-small-0123456789ab")}
    refused(ask(step, **others), TritonError.INTERNAL, "another release")
    assert COUNTS["vitrine_feature_mismatch_total", "answer_postprocess"] == 1


def test_a_risk_that_is_no_share_is_the_callers_fault(load: Load) -> None:
    step = load("answer_postprocess")
    inputs = decoded(step, "red", png(), EN)
    strict = ask(step, **inputs, MAX_RISK=np.array([[1e-6]], np.float32))
    assert strict.tensor("STATUS").tolist() == [[b"hand_over"]], "nothing is that sure"
    refused(ask(step, **inputs, MAX_RISK=np.array([[1.5]], np.float32)), TritonError.INVALID_ARG, "MAX_RISK")


def scored(load: Load, photo: bytes) -> dict[str, np.ndarray]:
    """What the scorer would give for a list whose first candidate is right."""
    ids = ask(load("candidates_preprocess"), CANDIDATES=texts("red", "blue")).tensor("CANDIDATE_IDS")
    logprobs = np.full(ids.shape, -5.0, np.float32)
    logprobs[:, 0] = -0.01
    return {
        "IMAGE": texts(photo),
        "IMAGE_SHA256": stamp(digest(photo), load("choice_postprocess").release),
        "QUESTION": texts(EN),
        "CANDIDATES": texts("red", "blue"),
        "CANDIDATE_IDS": ids,
        "CANDIDATE_LOGPROBS": logprobs,
    }


def test_scores_become_a_choice(load: Load) -> None:
    step = load("choice_postprocess")
    inputs = scored(load, png())
    inputs["ATTENTION"] = np.ones((1, 1, step.grid**2 + 1), np.float32)
    response = ask(step, **inputs)
    assert response.tensor("ANSWER").tolist() == [[b"red"]]
    assert response.tensor("PROBABILITIES").sum() == pytest.approx(1, abs=1e-5)
    refused(ask(step, **{**inputs, "IMAGE": texts(png(0))}), TritonError.INTERNAL, "photo")
    assert COUNTS["vitrine_feature_mismatch_total", "choice_postprocess"] == 1


def test_features_travel_packed_and_give_the_embedding(load: Load) -> None:
    random = np.random.default_rng(0)
    encoded, pooled = random.normal(size=(1, 5, 48)).astype(np.float16), random.normal(size=(1, 48)).astype(np.float32)
    pooled /= np.linalg.norm(pooled)
    packed = ask(
        load("image_export"), ENCODED_FEATURES=encoded, IMAGE_POOLED=pooled, IMAGE_SHA256=digest(png())
    ).tensor("IMAGE_FEATURES")
    step = load("embedding_export")
    response = ask(step, IMAGE=texts(png()), IMAGE_FEATURES=packed)
    assert np.linalg.norm(response.tensor("IMAGE_EMBEDDING")) == pytest.approx(1, abs=1e-3)
    assert np.array_equal(response.tensor("IMAGE_SHA256"), digest(png()))
    refused(ask(step, IMAGE=texts(png(0)), IMAGE_FEATURES=packed), TritonError.INTERNAL, "photo")
    assert COUNTS["vitrine_feature_mismatch_total", "embedding_export"] == 1


@pytest.mark.usefixtures("load")
def test_a_photo_becomes_pixels_for_an_encoder_of_vectors_with_its_digest_and_the_release() -> None:
    """Step that only builds with an encoder of their own for vectors have."""
    step = load_step(SOURCE, "embedding_preprocess")
    response = ask(step, IMAGE=np.concatenate([texts(png()), texts(png(0))]))
    assert response.tensor("EMBEDDING_PIXELS").shape == (2, step.side_px, step.side_px, 3)
    assert np.array_equal(response.tensor("IMAGE_SHA256"), np.concatenate([digest(png()), digest(png(0))]))
    assert response.tensor("RELEASE").tolist() == [[b"unbuilt"]] * 2
    refused(ask(step, IMAGE=texts(b"no photo")), TritonError.INVALID_ARG, "photo")


def test_a_draining_step_refuses_what_is_new(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step, module = load("question_preprocess"), importlib.import_module("vitrine_steps.triton.step")
    monkeypatch.setattr(module, "_DRAIN_DIR", str(tmp_path))
    assert ask(step, QUESTION=texts(EN)).error is None
    (tmp_path / step.entry).touch()
    refused(ask(step, QUESTION=texts(EN)), TritonError.UNAVAILABLE, "the server stops and takes nothing new")


def test_a_heartbeat_is_odd_while_there_is_work_and_another_for_each_piece(tmp_path: Path) -> None:
    from vitrine_steps.triton.heartbeat import Heartbeat

    heartbeat = Heartbeat(str(tmp_path))

    def seen() -> int:
        return int(struct.unpack("@q", (tmp_path / str(os.getpid())).read_bytes())[0])

    assert seen() == 0
    with heartbeat.working():
        heartbeat.beat()
        first = seen()
        heartbeat.beat()
        assert (first % 2, seen() % 2) == (1, 1)
        assert seen() > first
    assert seen() % 2 == 0


@pytest.mark.parametrize(
    ("confidence", "name"), [(0.0, "0.1"), (0.1, "0.1"), (0.97, "0.99"), (1.0, "1.0"), (np.nan, "none")]
)
def test_confidences_fall_in_bins(load: Load, confidence: float, name: str) -> None:
    assert importlib.import_module("vitrine_steps.triton.metrics").confidence_bin(confidence) == name


def test_a_model_without_a_manifest_says_that_it_is_not_built(tmp_path: Path) -> None:
    from vitrine_steps.triton.release import UNBUILT, read_release

    assert read_release(str(tmp_path / "vqa")) == UNBUILT
    (tmp_path / "manifest.json").write_text(json.dumps({"release": "shop 0123"}))
    assert read_release(str(tmp_path / "vqa")) == "shop 0123"
