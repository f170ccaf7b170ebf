"""The builder at the full sizes of blip-vqa-base and of InternVL3-1B, random weights."""

from pathlib import Path

import pytest
from vitrine_client import VqaClient

from builders.build import build
from builders.options import BuildOptions
from catalogue.photos import photo_from_seed
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings
from tests.helpers.internvl import save_size_of_internvl3_1b
from training.random_checkpoint import BLIP_VQA_BASE, random_blip, save_checkpoint


@pytest.mark.slow
def test_a_full_size_checkpoint_is_built_and_served(tmp_path: Path) -> None:
    model = random_blip(BLIP_VQA_BASE, seed=11, weight_scale=0.02)
    assert 350e6 < sum(parameter.numel() for parameter in model.parameters()) < 400e6
    save_checkpoint(model, tmp_path / "full")
    del model
    output = build(BuildOptions(str(tmp_path / "full"), tmp_path / "built", parity_photos=2))
    settings = ServerSettings(output, grpc_port=0, metrics_port=None)
    with EmbeddedServer(settings, ready_timeout_s=120) as server, VqaClient(server.url, timeout_s=30) as client:
        answers = client.ask_many(photo_from_seed(0).jpeg_bytes(), ["What is it?", "这是什么？"])
        assert all(answer.heatmap.shape == (24, 24) for answer in answers)


@pytest.mark.slow
def test_a_chat_model_of_full_size_is_built_and_served(tmp_path: Path) -> None:
    """Four minutes, and 8 GiB of memory."""
    save_size_of_internvl3_1b(tmp_path / "full")
    options = BuildOptions(str(tmp_path / "full"), tmp_path / "built", parity_photos=1, answer_tokens=5)
    settings = ServerSettings(build(options), grpc_port=0, metrics_port=None)
    photo = photo_from_seed(0).jpeg_bytes()
    with EmbeddedServer(settings) as server, VqaClient(server.url, timeout_s=120) as client:
        answers = client.ask_many(photo, ["What is it?", "这是什么？"])
        assert all(answer.heatmap.shape == (16, 16) for answer in answers)
        assert client.choose(photo, "这是什么？", ["red", "包"]).text in ("red", "包")
