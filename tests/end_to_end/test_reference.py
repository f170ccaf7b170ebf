"""What is served is what transformers says, token by token, on drawn and on camera photos."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from vitrine_client import VqaClient

from builders.checkpoint import load_checkpoint
from builders.reference import reference_outputs
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed

from .conftest import camera_photos


def png(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def checkpoint_folder() -> Path:
    return Path(__file__).parents[2] / "checkpoints" / "vitrine-small"


def test_served_answers_equal_generate(server_url: str, repository: Path, checkpoint_folder: Path) -> None:
    """70 questions here; `python -m evaluation --reference` asks 500."""
    from answer import text_from_ids

    checkpoint = load_checkpoint(str(checkpoint_folder))
    answer_tokens = json.loads((repository / "manifest.json").read_text("utf-8"))["dimensions"]["answer_tokens"]
    seeds = range(first_seed("test") + 900, first_seed("test") + 910)
    photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
    photos += [png(array) for array in camera_photos().values()]
    questions = [
        (index, q.text) for index, seed in enumerate(seeds) for q in questions_from_seed(seed, "test", per_photo=7)
    ]
    questions += [(10 + index, text) for index in range(len(photos) - 10) for text in ("What is it?", "什么颜色")]
    reference = reference_outputs(checkpoint, photos, questions, answer_tokens=answer_tokens)
    with VqaClient(server_url, timeout_s=20) as client:
        for row, (photo, text) in enumerate(questions):
            expected = text_from_ids(reference.answer_ids[row], checkpoint.tokenizer.backend_tokenizer)
            answer = client.ask(photos[photo], text)
            assert answer.text == expected, text
            assert np.log(answer.confidence) == pytest.approx(reference.answer_logprobs[row].sum(), abs=5e-3)


@pytest.mark.parametrize("name", camera_photos())
def test_camera_photos_are_answered_in_their_own_formats(server_url: str, name: str) -> None:
    image = Image.fromarray(camera_photos()[name])
    with VqaClient(server_url, timeout_s=20) as client:
        for kind in ("PNG", "JPEG", "WEBP"):
            buffer = io.BytesIO()
            image.save(buffer, kind)
            for answer in client.ask_many(buffer.getvalue(), ["What is it?", "这是什么？", "How many?", "多少钱"]):
                assert answer.text
                assert 0 <= answer.confidence <= 1
                assert np.isfinite(answer.heatmap).all()
