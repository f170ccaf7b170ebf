"""Occlusion maps: covering what matters lowers the answer's probability, and the map says where."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from vitrine_client import FakeTransport, VqaClient
from vitrine_client.occlusion import covered, explain


class SeesTheCorner(FakeTransport):
    """Is as sure as the upper left region of the photo is red."""

    def infer(
        self, model: str, inputs: Any, outputs: Sequence[str], *, timeout_s: float, request_id: str
    ) -> dict[str, NDArray[Any]]:
        found = super().infer(model, inputs, outputs, timeout_s=timeout_s, request_id=request_id)
        photo = Image.open(io.BytesIO(inputs["IMAGE"][0, 0]))
        sure = np.asarray(photo)[:32, :32].mean((0, 1))[0] / 255
        return found | {"ALTERNATIVE_CONFIDENCES": np.full((1, 1, 1), sure, np.float32)}


def photo() -> Image.Image:
    image = Image.new("RGB", (300, 200), "black")
    image.paste("red", (0, 0, 43, 29))
    return image


def test_a_region_is_covered_in_each_copy() -> None:
    copies = [np.asarray(Image.open(io.BytesIO(one)), np.int16) for one in covered(photo().resize((224, 224)), 7)]
    assert len(copies) == 49
    assert copies[0][:30, :30, 0].mean() < 30
    assert copies[48][:30, :30, 0].mean() > 200


def test_the_map_says_where_it_matters(tmp_path: Path) -> None:
    with VqaClient(transport=SeesTheCorner({"what colour?": "red"})) as client:
        found = explain(client, photo(), "what colour?")
    assert found.answer.text == "red"
    assert found.drops.shape == (7, 7)
    assert found.drops[0, 0] > 0.8
    assert np.abs(found.drops.ravel()[1:]).max() < 0.1
    assert found.overlay(photo()).size == (300, 200)
