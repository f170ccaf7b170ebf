"""InternVL's own: every option of its vision tower, its processor's text around a photo, and what is refused."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from builders.checkpoint.checkpoint import NO_WISHES, Wishes
from builders.errors import UsageError
from builders.families.internvl import load_parts
from builders.graphs.internvl_vision import InternVLImageEncoder
from tests.helpers.internvl import IMAGE_PX, INTERNVL_TEMPLATE, save_internvl3_5, tiny_tower

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
PIXELS = np.random.default_rng(3).integers(0, 256, (2, IMAGE_PX, IMAGE_PX, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_internvl3_5(tmp_path_factory.mktemp("internvl"))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"norm_type": "rms_norm", "use_qk_norm": True, "attention_bias": False},
        {"use_mean_pooling": False},
        {"use_absolute_position_embeddings": False},
        {"patch_size": [14, 14], "hidden_act": "gelu_pytorch_tanh"},
    ],
    ids=str,
)
@torch.inference_mode()
def test_a_tower_gives_transformers_features(options: dict[str, Any]) -> None:
    model = tiny_tower(**options).model
    grid = IMAGE_PX // model.config.vision_config.patch_size[0] // 2
    encoder = InternVLImageEncoder(model.vision_tower, model.multi_modal_projector, grid, MEAN, STD, torch.float32)
    found, pooled = encoder(torch.tensor(PIXELS))
    normalised = (torch.tensor(PIXELS) / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    expected = model.get_image_features(normalised.permute(0, 3, 1, 2)).pooler_output
    assert found.shape == expected.shape == (2, grid**2, 96)
    assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    assert torch.allclose(pooled, expected.mean(1), atol=1e-5)


def test_the_prompt_is_the_processors_own(folder: Path) -> None:
    """Its text around the photo stands in its code, not in the chat template."""
    from transformers.models.internvl.processing_internvl import InternVLProcessor

    parts = load_parts(folder, "tiny", Wishes(instruction="Say it briefly.\n"))
    tokens = SimpleNamespace(
        start_image_token="<img>", image_token="<IMG_CONTEXT>", end_image_token="</img>", image_seq_length=16
    )
    photo = InternVLProcessor.replace_image_token(tokens, {"num_patches": [1]}, 0)
    parts_of_it = ("Say it briefly.\n", None, "What is it?")
    content = [{"type": "text", "text": text} if text else {"type": "image"} for text in parts_of_it]
    rendered = parts.tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    whole = parts.tokenizer.encode(rendered.replace("<IMG_CONTEXT>", photo))
    assert parts.prompt
    assert [*parts.prompt.prefix_ids, *parts.tokenizer.encode("What is it?"), *parts.prompt.suffix_ids] == whole


def test_its_own_side_may_be_said_or_left_out(folder: Path) -> None:
    assert load_parts(folder, "tiny", NO_WISHES).image_px == load_parts(folder, "tiny", Wishes(IMAGE_PX)).image_px


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        ("config.json", {"text_config": {"model_type": "llama"}}, "model_type is 'llama', but the graphs have 'qwen2'"),
        ("config.json", {"vision_feature_layer": -2}, "vision_feature_layer is -2, but the graphs have -1 alone"),
        ("config.json", {"vision_feature_select_strategy": "full"}, "select_strategy is 'full', but .* 'default'"),
        ("config.json", {"image_token_id": 7}, "<IMG_CONTEXT> is token 5 of the tokenizer, but image_token_id is 7"),
        ("preprocessor_config.json", {"size": {"height": 448, "width": 448}}, "image processor has {'size'.*448"),
        ("preprocessor_config.json", {"do_normalize": False}, "image processor has {'do_normalize': False}"),
        ("preprocessor_config.json", {"rescale_factor": 1.0}, "image processor has {'rescale_factor': 1.0}"),
        (
            "chat_template.jinja",
            INTERNVL_TEMPLATE.replace("<IMG_CONTEXT>", "<image>"),
            "shows <IMG_CONTEXT> 0 times, but once",
        ),
    ],
)
def test_what_the_graphs_do_not_have_is_refused(
    folder: Path, tmp_path: Path, file: str, change: dict[str, Any] | str, words: str
) -> None:
    copy = tmp_path / "changed"
    shutil.copytree(folder, copy)
    if isinstance(change, dict):
        content = json.loads((copy / file).read_text("utf-8"))
        for name, value in change.items():
            content[name] = content[name] | value if isinstance(value, dict) else value
        change = json.dumps(content)
    (copy / file).write_text(change, "utf-8")
    with pytest.raises(UsageError, match=words):
        load_parts(copy, "tiny", NO_WISHES)


@pytest.mark.parametrize(
    "options",
    [
        {"image_size": [224, 280]},
        {"patch_size": [14, 28]},
        {"image_size": [252, 252]},
    ],
    ids=str,
)
def test_a_photo_that_is_no_square_of_whole_patches_is_refused(
    folder: Path, tmp_path: Path, options: dict[str, list[int]]
) -> None:
    copy = tmp_path / "changed"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    model = tiny_tower(**options)
    model.resize_token_embeddings(600)
    model.save_pretrained(copy)
    with pytest.raises(UsageError, match=r"an image_size of .* and a downsample_ratio of 0\.5, but a square of whole"):
        load_parts(copy, "tiny", NO_WISHES)
