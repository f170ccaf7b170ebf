"""Results as plain values, for JSON."""

import json
from pathlib import Path

import numpy as np
import pytest
import vitrine_client
from vitrine_client import Alternative, Answer, Choice, VqaClient

EN, ZH = "What colour is it?", "什么颜色"
NAN = float("nan")


@pytest.mark.parametrize("question", [EN, ZH])
def test_every_result_goes_through_json(client: VqaClient, photo: Path, question: str) -> None:
    answer = client.ask(photo, question)
    choice = client.choose(photo, question, ["red", "红色"])
    embedding = client.embed(photo)
    health = client.health()
    for result in (answer, choice, embedding, health, answer.alternatives[0]):
        assert json.loads(json.dumps(result.to_dict(), allow_nan=False)) == result.to_dict()
    assert "heatmap" not in answer.to_dict()
    assert np.allclose(answer.to_dict(heatmap=True)["heatmap"], answer.heatmap)
    assert np.allclose(choice.to_dict(heatmap=True)["heatmap"], choice.heatmap)
    assert json.dumps(choice.to_dict(heatmap=True), allow_nan=False)
    assert answer.to_dict()["text"] == answer.text
    assert answer.to_dict()["alternatives"][0] == {
        "text": answer.alternatives[0].text,
        "confidence": answer.alternatives[0].confidence,
    }
    assert list(choice.to_dict()["probabilities"]) == ["red", "红色"]
    assert bytes.fromhex(embedding.to_dict()["sha256"]) == embedding.sha256
    assert embedding.to_dict()["vector"] == embedding.vector.tolist()
    assert health.to_dict() == {"live": True, "ready": True, "model_ready": True, "contract_version": 1}


def test_what_is_no_number_is_none() -> None:
    heatmap = np.array([[NAN, 0.5], [np.inf, 0.5]], np.float32)
    answer = Answer("red", "answered", NAN, "", (Alternative("red", NAN),), heatmap, "release", "1")
    assert answer.to_dict(heatmap=True) == {
        "text": "red", "status": "answered", "confidence": None, "reason": "", "source": "photo",
        "alternatives": [{"text": "red", "confidence": None}], "heatmap": [[None, 0.5], [None, 0.5]],
        "release": "release", "request_id": "1",
    }  # fmt: skip
    choice = Choice("red", "answered", None, "", {"red": NAN, "blue": 0.25}, heatmap, "release", "1")
    assert choice.to_dict()["probabilities"] == {"red": None, "blue": 0.25}
    assert choice.to_dict()["confidence"] is None


def test_what_callers_name_in_their_types_is_exported() -> None:
    for name in ("Alternative", "Status", "Photo"):
        assert name in vitrine_client.__all__
        assert getattr(vitrine_client, name)
