"""Families of chat models: loaded, described, exported, and held to `generate` by the same gate as every build."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from builders.checkpoint.checkpoint import Checkpoint, Wishes
from builders.dimensions import BatchRange, BuildDimensions
from builders.errors import UsageError
from builders.families import Family, family_of
from builders.families.language.prompt import require_seams
from builders.graphs.export import export_engine
from builders.parity.compare import compare_engines
from builders.parity.forced_rows import opener
from builders.parity.material import ParitySet, large_photos
from builders.parity.onnx_engine import onnx_engine
from builders.parity.tolerances import TOLERANCES
from builders.tensorrt.plan_options import PlanOptions
from catalogue.dataset import first_seed, questions_from_seed
from catalogue.photos import photo_from_seed
from tests.helpers.chat import FAMILIES, TinyFamily
from tests.helpers.system import require_tensorrt_rtx
from vitrine_steps.step_settings import StepSettings

PHOTOS, QUESTIONS_A_PHOTO = 4, 7
INSTRUCTION = "In a few words:\n"


@pytest.fixture(
    scope="module",
    params=[pytest.param(one, marks=pytest.mark.night if one.at_night else (), id=str(one)) for one in FAMILIES],
)
def tiny(request: pytest.FixtureRequest) -> TinyFamily:
    family: TinyFamily = request.param
    return family


@pytest.fixture(scope="module")
def family(tiny: TinyFamily) -> Family:
    return family_of(tiny.architecture)


@pytest.fixture(scope="module")
def folder(tiny: TinyFamily, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def checkpoint(tiny: TinyFamily, family: Family, folder: Path) -> Checkpoint:
    parts = family.load_parts(folder, "tiny", Wishes(tiny.image_px, INSTRUCTION))
    return Checkpoint("tiny", tiny.architecture, folder, parts, StepSettings(parts.steps), None, {})


@pytest.fixture(scope="module")
def dimensions(checkpoint: Checkpoint) -> BuildDimensions:
    parts = checkpoint.parts
    sizes = (parts.image_px, parts.image_tokens, parts.image_width, parts.grid)
    return BuildDimensions(*sizes, question_tokens=72, answers=3, answer_tokens=8)


@pytest.fixture(scope="module")
def engines(
    family: Family, checkpoint: Checkpoint, dimensions: BuildDimensions, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Any]:
    folder = tmp_path_factory.mktemp("engines")
    specs = family.engine_specs(dimensions, "loop")
    for spec in specs:
        export_engine(spec, spec.module(checkpoint, "fp32"), folder / f"{spec.name}.onnx")
    names = [spec.name for spec in specs]
    return opener(lambda name: onnx_engine(folder / f"{name}.onnx"), names, dimensions, checkpoint.parts.steps.pad_id)


def test_the_sizes_follow_from_the_checkpoint(tiny: TinyFamily, checkpoint: Checkpoint) -> None:
    parts = checkpoint.parts
    assert (parts.grid, parts.image_tokens, parts.image_width) == (tiny.grid, tiny.grid**2, tiny.image_width)
    assert parts.steps.photo_fit == "pad"
    assert parts.prompt
    assert parts.steps.suffix_ids == parts.prompt.suffix_ids
    assert parts.steps.end_id == parts.tokenizer.convert_tokens_to_ids(tiny.end)


def test_the_default_instruction_has_agreed_words(
    tiny: TinyFamily, family: Family, folder: Path, checkpoint: Checkpoint
) -> None:
    parts = family.load_parts(folder, "tiny", Wishes(tiny.image_px))
    assert parts.prompt
    for texts in parts.cannot_tell_answers.values():
        assert texts[0] in parts.prompt.text
    assert set(parts.cannot_tell_answers) == {"en", "zh"}
    assert checkpoint.parts.cannot_tell_answers == {}, "the shop's own words are the shop's to list"


def test_the_prompt_is_whole(tiny: TinyFamily, checkpoint: Checkpoint) -> None:
    questions = [q.text for q in questions_from_seed(first_seed("test"), "test", per_photo=QUESTIONS_A_PHOTO)]
    assert checkpoint.parts.prompt
    require_seams(checkpoint.parts.tokenizer, checkpoint.parts.prompt, tiny.image_token, questions)


@pytest.mark.night
def test_engines_pass_the_gate(
    family: Family, checkpoint: Checkpoint, dimensions: BuildDimensions, engines: Callable[[str], Any]
) -> None:
    seeds = range(first_seed("test"), first_seed("test") + PHOTOS)
    photos = [photo_from_seed(seed).jpeg_bytes() for seed in seeds]
    questions = [
        (index, question.text)
        for index, seed in enumerate(seeds)
        for question in questions_from_seed(seed, "test", per_photo=QUESTIONS_A_PHOTO)
    ]
    reference = family.reference_outputs(checkpoint, photos, questions, dimensions.answer_tokens)
    assert len({tuple(ids) for ids in reference.answer_ids}) > 10, "answers differ"
    parity_set = ParitySet(
        checkpoint, dimensions, photos, large_photos(checkpoint.parts.image_px), questions, reference
    )
    reports = {report.output: report for report in compare_engines(engines, parity_set, TOLERANCES["fp32"]).reports}
    assert reports["ANSWER_IDS"].equal_ratio == 1
    assert reports["CANDIDATE_LOGPROBS"].max_abs_difference < 1e-4
    assert reports["ANSWER_LOGPROBS"].max_abs_difference < 1e-4
    least = {name: reports[name].min_cosine for name in ("ENCODED_FEATURES", "IMAGE_POOLED", "ATTENTION")}
    assert all(cosine is not None and cosine > 0.999999 for cosine in least.values()), least


@pytest.mark.night
@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_real_tensorrt_compiles_them(
    family: Family, checkpoint: Checkpoint, dimensions: BuildDimensions, tmp_path: Path, precision: str
) -> None:
    require_tensorrt_rtx()
    from builders.tensorrt import api

    api.use_tensorrt_rtx()
    from builders.tensorrt.plan import build_plan

    for spec in family.engine_specs(dimensions, "loop"):
        file = tmp_path / f"{spec.name}.onnx"
        export_engine(spec, spec.module(checkpoint, precision), file)
        plan = file.with_suffix(".plan")
        build_plan(
            file,
            plan,
            batch=BatchRange(2, 4),
            variable=spec.variable_axes(),
            options=PlanOptions(),
            compute_capabilities=("89",),
        )
        assert plan.stat().st_size > 100_000


@pytest.mark.parametrize("side", [100, 0, -32])
def test_a_side_that_does_not_fit_the_grid_is_refused(
    tiny: TinyFamily, family: Family, folder: Path, side: int
) -> None:
    takes = f"multiples of {tiny.side_multiple}" if tiny.side_multiple else f"{tiny.image_px}"
    with pytest.raises(UsageError, match=f"--image-px is {side}, but this (family|checkpoint) takes {takes}"):
        family.load_parts(folder, "tiny", Wishes(side))


def test_another_processor_or_penalties_are_refused(
    tiny: TinyFamily, family: Family, folder: Path, tmp_path: Path
) -> None:
    for file, change, words in (
        ("preprocessor_config.json", {"do_rescale": False}, r"image processor has {'do_rescale': False}, but"),
        (
            "generation_config.json",
            {"repetition_penalty": 1.05},
            r"has {'repetition_penalty': 1\.05}, which the answer",
        ),
    ):
        copy = tmp_path / file
        shutil.copytree(folder, copy)
        content = json.loads((copy / file).read_text("utf-8"))
        (copy / file).write_text(json.dumps(content | change), "utf-8")
        with pytest.raises(UsageError, match=words):
            family.load_parts(copy, "tiny", Wishes(tiny.image_px))


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("Qwen2VLForConditionalGeneration", "Qwen3VLForConditionalGeneration"),
        ("Blip2ForConditionalGeneration", "BlipForQuestionAnswering"),
    ],
)
def test_an_architecture_that_is_not_supported_names_the_nearest_that_is(asked: str, nearest: str) -> None:
    with pytest.raises(UsageError, match=f"is a {asked}, and the nearest here is {nearest}; supported is"):
        family_of(asked)
