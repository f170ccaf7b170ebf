"""SmolVLM's own: options of its tower and text model, its processor's text around a photo, and what is refused."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from builders.checkpoint.checkpoint import NO_WISHES, Checkpoint, ModelParts, Wishes
from builders.dimensions import BuildDimensions
from builders.errors import UsageError
from builders.families.smolvlm import engine_specs, load_parts
from builders.families.smolvlm.reference import reference_outputs
from builders.graphs.export import export_engine
from builders.graphs.smolvlm_vision import SmolVLMImageEncoder
from builders.parity.compare import compare_engines
from builders.parity.forced_rows import opener
from builders.parity.material import ParitySet, large_photos
from builders.parity.onnx_engine import onnx_engine
from builders.parity.tolerances import TOLERANCES
from catalogue.photos import photo_from_seed
from tests.helpers.smolvlm import IMAGE_PX, SMOLVLM_TEMPLATE, save_smolvlm2, tiny_tower
from vitrine_steps.step_settings import StepSettings

pytestmark = pytest.mark.night
MEAN = STD = [0.5, 0.5, 0.5]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_smolvlm2(tmp_path_factory.mktemp("smolvlm"))


@pytest.fixture(scope="module")
def parts(folder: Path) -> ModelParts:
    return load_parts(folder, "tiny", NO_WISHES)


@pytest.mark.parametrize(
    ("options", "grid"),
    [
        ({}, 4),
        ({"image_size": 200, "patch_size": 8, "scale_factor": 5}, 5),
        ({"image_size": 240, "patch_size": 6, "scale_factor": 4}, 10),
        ({"image_size": 216, "patch_size": 14, "scale_factor": 3, "hidden_act": "gelu"}, 5),
    ],
    ids=str,
)
@torch.inference_mode()
def test_a_tower_gives_transformers_features(options: dict[str, Any], grid: int) -> None:
    """Also where transformers' FP32 shares take some rows of positions twice (25 and 40 patches along a side), and
    where pixels are left over (6 of 216)."""
    model = tiny_tower(**options).model
    side = model.config.vision_config.image_size
    pixels = torch.tensor(np.random.default_rng(3).integers(0, 256, (2, side, side, 3), dtype=np.uint8))
    encoder = SmolVLMImageEncoder(model.vision_model, model.connector, grid, MEAN, STD, torch.float32)
    found, pooled = encoder(pixels)
    normalised = (pixels / 255 - torch.tensor(MEAN)) / torch.tensor(STD)
    expected = torch.stack(model.get_image_features(normalised.permute(0, 3, 1, 2)[:, None]).pooler_output)
    assert found.shape == expected.shape == (2, grid**2, 96)
    assert float((found - expected).abs().max()) < 1e-5 * float(expected.abs().max())
    assert torch.allclose(pooled, expected.mean(1), atol=1e-5)


def test_a_text_model_with_biases_answers_as_transformers_does(tmp_path: Path) -> None:
    """Llama may have biases in its attention and its perceptron, and a head of another width."""
    folder = save_smolvlm2(tmp_path / "tiny", attention_bias=True, mlp_bias=True, head_dim=32)
    parts = load_parts(folder, "tiny", NO_WISHES)
    checkpoint = Checkpoint(
        "tiny", "SmolVLMForConditionalGeneration", folder, parts, StepSettings(parts.steps), None, {}
    )
    sizes = (parts.image_px, parts.image_tokens, parts.image_width, parts.grid)
    dimensions = BuildDimensions(*sizes, question_tokens=40, answers=3, answer_tokens=6)
    specs = engine_specs(dimensions, "loop")
    for spec in specs:
        export_engine(spec, spec.module(checkpoint, "fp32"), tmp_path / f"{spec.name}.onnx")
    names = [spec.name for spec in specs]
    engines = opener(lambda name: onnx_engine(tmp_path / f"{name}.onnx"), names, dimensions, parts.steps.pad_id)
    photos = [photo_from_seed(seed).jpeg_bytes() for seed in range(3)]
    questions = [(index, text) for index in range(3) for text in ("What is it?", "这是什么颜色的？", "How many?")]
    reference = reference_outputs(checkpoint, photos, questions, dimensions.answer_tokens)
    parity_set = ParitySet(checkpoint, dimensions, photos, large_photos(parts.image_px), questions, reference)
    reports = {report.output: report for report in compare_engines(engines, parity_set, TOLERANCES["fp32"]).reports}
    assert reports["ANSWER_IDS"].equal_ratio == 1
    assert reports["ANSWER_LOGPROBS"].max_abs_difference < 1e-4


def test_the_prompt_is_the_processors_own(folder: Path) -> None:
    """Its text around the photo stands in its code, not in the chat template."""
    from transformers.models.smolvlm.processing_smolvlm import SmolVLMProcessor

    parts = load_parts(folder, "tiny", Wishes(instruction="Say it briefly.\n"))
    tokens = SimpleNamespace(
        fake_image_token="<fake_token_around_image>", image_token="<image>", global_image_token="<global-img>",
        image_seq_len=16,
    )  # fmt: skip
    photo = SmolVLMProcessor.replace_image_token(tokens, {"rows": [[0]], "cols": [[0]]}, 0)
    parts_of_it = ("Say it briefly.\n", None, "What is it?")
    content = [{"type": "text", "text": text} if text else {"type": "image"} for text in parts_of_it]
    rendered = parts.tokenizer.apply_chat_template(
        [{"role": "user", "content": content}], tokenize=False, add_generation_prompt=True
    )
    whole = parts.tokenizer.encode(rendered.replace("<image>", photo))
    assert parts.prompt
    assert [*parts.prompt.prefix_ids, *parts.tokenizer.encode("What is it?"), *parts.prompt.suffix_ids] == whole


def test_a_square_is_not_resized_by_the_processor(folder: Path, parts: ModelParts) -> None:
    """Show that the reference sees the very pixels that the engine gets."""
    from builders.families.smolvlm.reference import photo_inputs

    pixels = np.random.default_rng(4).integers(0, 256, (IMAGE_PX, IMAGE_PX, 3), dtype=np.uint8)
    checkpoint = Checkpoint("tiny", "", folder, parts, StepSettings(parts.steps), None, {})
    found = photo_inputs(checkpoint, Image.fromarray(pixels))["pixel_values"]
    assert found.shape == (1, 1, 3, IMAGE_PX, IMAGE_PX)
    expected = torch.tensor(pixels).permute(2, 0, 1) / 127.5 - 1
    assert torch.allclose(found[0, 0], expected, atol=1e-5)


def test_its_own_side_may_be_said_or_left_out(folder: Path, parts: ModelParts) -> None:
    assert parts.image_px == load_parts(folder, "tiny", Wishes(IMAGE_PX)).image_px


@pytest.mark.parametrize("file", ["tokenizer_config.json", "chat_template.jinja"])
def test_a_template_may_stand_in_each_of_its_places(folder: Path, parts: ModelParts, tmp_path: Path, file: str) -> None:
    copy = shutil.copytree(folder, tmp_path / "moved")
    (copy / "chat_template.json").unlink()
    with pytest.raises(UsageError, match="chat template cannot be rendered with a photo"):
        load_parts(copy, "tiny", NO_WISHES)
    if file.endswith(".json"):
        content = json.loads((copy / file).read_text("utf-8"))
        (copy / file).write_text(json.dumps(content | {"chat_template": SMOLVLM_TEMPLATE}), "utf-8")
    else:
        (copy / file).write_text(SMOLVLM_TEMPLATE, "utf-8")
    assert load_parts(copy, "tiny", NO_WISHES).prompt == parts.prompt


@pytest.mark.parametrize(
    ("file", "change", "words"),
    [
        (
            "config.json",
            {"text_config": {"model_type": "mistral"}},
            "model_type is 'mistral', but the graphs have 'llama'",
        ),
        ("config.json", {"text_config": {"hidden_act": "gelu"}}, "hidden_act is 'gelu', but the graphs have 'silu'"),
        ("config.json", {"image_token_id": 7}, "<image> is token 5 of the tokenizer, but image_token_id is 7"),
        ("preprocessor_config.json", {"max_image_size": {"longest_edge": 384}}, "has {'max_image_size'.*384"),
        ("preprocessor_config.json", {"do_normalize": False}, "image processor has {'do_normalize': False}"),
        ("chat_template.json", {"chat_template": "{{ messages[0].content[2].text }}"}, "shows <image> 0 times, but"),
        ("chat_template.json", "[]", r"chat_template\.json is not an object with a \"chat_template\""),
        ("chat_template.json", "{", r"chat_template\.json is not an object with a \"chat_template\""),
    ],
)
def test_what_the_graphs_do_not_have_is_refused(
    folder: Path, tmp_path: Path, file: str, change: dict[str, Any] | str, words: str
) -> None:
    copy = shutil.copytree(folder, tmp_path / "changed")
    if isinstance(change, dict):
        content = json.loads((copy / file).read_text("utf-8"))
        for name, value in change.items():
            content[name] = content[name] | value if isinstance(value, dict) else value
        change = json.dumps(content)
    (copy / file).write_text(change, "utf-8")
    with pytest.raises(UsageError, match=words):
        load_parts(copy, "tiny", NO_WISHES)


@pytest.mark.parametrize("options", [{"image_size": 240}, {"image_size": 96, "patch_size": 128}], ids=str)
def test_patches_that_the_factor_does_not_merge_are_refused(
    folder: Path, tmp_path: Path, options: dict[str, int]
) -> None:
    copy = tmp_path / "changed"
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.safetensors", "config.json"))
    model = tiny_tower(**options)
    model.resize_token_embeddings(600)
    model.save_pretrained(copy)
    with pytest.raises(UsageError, match=r"an image_size of .* and a scale_factor of 4, but patches are expected that"):
        load_parts(copy, "tiny", NO_WISHES)
