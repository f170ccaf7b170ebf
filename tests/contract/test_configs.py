"""The contract is `config.pbtxt`: every side is held to it, without a server."""

import ast
from itertools import pairwise
from pathlib import Path

import pytest
from tritonclient.grpc import model_config_pb2 as pb
from vitrine_client import calls, photos
from vitrine_client.reading_calls import READING_OUTPUTS

from builders.dimensions import BuildDimensions
from builders.embedding.engine import EMBEDDING_ENCODER, EMBEDDING_MODELS, embedding_engine_spec
from builders.engine_spec import ENGINES
from builders.families.blip import engine_specs
from builders.repository.configs import ServingConfig, adapt_config
from builders.repository.forced_rows import use_forced_rows
from builders.repository.source import SOURCE, read_config
from builders.repository.step_code import modules_needed
from builders.repository.write import config_for
from builders.text.engines import TEXT_MODELS
from vitrine_steps import models
from vitrine_steps.photo.pixels import PhotoLimits

STEPS = Path(models.__file__).parent
CONFIGS = {file.parent.name: read_config(file) for file in sorted(SOURCE.glob("*/config.pbtxt"))}
ENSEMBLES = [name for name, config in CONFIGS.items() if config.platform == "ensemble"]
WITH_ENCODER = read_config(config_for(SOURCE / "image_embedding", [EMBEDDING_ENCODER]))
"""The ensemble of builds whose vectors come from an encoder of their own."""
CHAINS = [pytest.param(CONFIGS[name], id=name) for name in ENSEMBLES]
CHAINS.append(pytest.param(WITH_ENCODER, id="image_embedding with an encoder"))
DECODERS = ("image_preprocess", "text_preprocess", "embedding_preprocess")
PYTHON_STEPS = [name for name, config in CONFIGS.items() if config.backend == "python"]
BUNDLED = BuildDimensions(
    image_px=112, image_tokens=50, image_width=192, grid=7, question_tokens=32, answers=5, answer_tokens=8
)
SPECS = {spec.name: spec for spec in engine_specs(BUNDLED, "loop")}


WAITED_FOR = {"question_preprocess": "IMAGE_FEATURES", "candidates_preprocess": "QUESTION_MASK"}
"""What a step takes so that it comes after another, and does not read."""


def tensors(config: pb.ModelConfig) -> dict[str, tuple[int, list[int]]]:
    return {t.name: (t.data_type, list(t.dims)) for t in (*config.input, *config.output)}


def test_all_models_of_the_design_are_there() -> None:
    assert set(CONFIGS) == {
        "vqa",
        "image_features",
        "image_preprocess",
        "image_encoder",
        "image_export",
        "image_embedding",
        "embedding_export",
        "question_preprocess",
        "answer_decoder",
        "answer_postprocess",
        "vqa_choose",
        "candidates_preprocess",
        "answer_scorer",
        "choice_postprocess",
        *TEXT_MODELS,
        *EMBEDDING_MODELS,
    }


def test_the_contract_has_a_version() -> None:
    """Clients compare it with their own; one number stands for all that they call."""
    assert CONFIGS["vqa"].parameters["contract_version"].string_value == "1"
    assert not [name for name in ENSEMBLES if name != "vqa" and "contract_version" in CONFIGS[name].parameters]


@pytest.mark.parametrize("step", DECODERS)
def test_the_photo_limits_of_the_config_are_the_code_s_own(step: str) -> None:
    """Benchmarks and tests that decode photos without a server do it under the server's limits."""
    parameters = CONFIGS[step].parameters
    named = {name: int(value.string_value) for name, value in parameters.items() if name.startswith("max_")}
    limits = PhotoLimits()
    assert named == {
        "max_photo_bytes": limits.max_bytes,
        "max_photo_pixels": limits.max_pixels,
        "max_decode_bytes": limits.max_decode_bytes,
        "max_decode_ms": limits.max_decode_s * 1000,
        "max_scanned_pixels": limits.max_scanned_pixels,
    }
    assert limits.max_bytes == photos.MAX_BYTES, "the client sends nothing that is refused for it"


@pytest.mark.parametrize("name", CONFIGS)
def test_a_config_is_named_like_its_folder(name: str) -> None:
    assert CONFIGS[name].name == name


@pytest.mark.parametrize("ensemble", CHAINS)
def test_an_ensemble_hands_on_tensors_of_one_type_and_shape(ensemble: pb.ModelConfig) -> None:
    """An axis that varies where it comes from may be fixed where it goes."""

    def fits(given: tuple[int, list[int]], taken: tuple[int, list[int]]) -> bool:
        axes = zip(given[1], taken[1], strict=True)
        return given[0] == taken[0] and all(a in (b, -1) or b == -1 for a, b in axes)

    known = {t.name: (t.data_type, list(t.dims)) for t in ensemble.input}
    for step in ensemble.ensemble_scheduling.step:
        model = tensors(CONFIGS[step.model_name])
        for tensor, source in step.input_map.items():
            assert fits(known[source], model[tensor]), f"{step.model_name}.{tensor} from {source}"
        known |= {target: model[tensor] for tensor, target in step.output_map.items()}
    for output in ensemble.output:
        assert known[output.name] == (output.data_type, list(output.dims)), output.name


@pytest.mark.parametrize("ensemble", CHAINS)
def test_an_ensemble_feeds_every_input_of_every_step(ensemble: pb.ModelConfig) -> None:
    for step in ensemble.ensemble_scheduling.step:
        assert set(step.input_map) == {t.name for t in CONFIGS[step.model_name].input}


@pytest.mark.parametrize("ensemble", CHAINS)
def test_no_tensor_is_both_an_intermediate_and_an_output(ensemble: pb.ModelConfig) -> None:
    """Such a request, not asking for it, failed with "unexpected deadlock" (Triton 2.51)."""
    consumed = {source for step in ensemble.ensemble_scheduling.step for source in step.input_map.values()}
    assert not consumed & {t.name for t in ensemble.output}


@pytest.mark.parametrize("ensemble", CHAINS)
def test_an_ensemble_is_a_chain(ensemble: pb.ModelConfig) -> None:
    """A step that fails beside another one brings Triton down (docs/adr/0010-ensembles-are-chains.md)."""
    steps = ensemble.ensemble_scheduling.step
    for before, step in pairwise(steps):
        assert set(before.output_map.values()) & set(step.input_map.values()), step.model_name


def test_vectors_of_an_encoder_of_their_own_are_asked_for_alike() -> None:
    usual = CONFIGS["image_embedding"]
    assert list(WITH_ENCODER.input) == list(usual.input)
    assert [(t.name, t.data_type) for t in WITH_ENCODER.output] == [(t.name, t.data_type) for t in usual.output]
    engines = SPECS | {EMBEDDING_ENCODER: embedding_engine_spec()}
    built = adapt_config(WITH_ENCODER, BUNDLED, ServingConfig(), engines)
    assert built == WITH_ENCODER, "it is as wide as its encoder says, not as the checkpoint"
    assert not built.response_cache.enable


def test_only_what_was_found_in_a_photo_is_cached_each_as_one_output() -> None:
    cached = {name for name, config in CONFIGS.items() if config.response_cache.enable}
    assert cached == {"image_features", "photo_text"}
    assert [len(CONFIGS[name].output) for name in cached] == [1, 1]


def test_the_digest_travels_from_the_features_to_the_answer() -> None:
    """Inside the one cached tensor, through the decoder: it cannot come apart from the features."""
    assert [t.name for t in CONFIGS["image_features"].output] == ["IMAGE_FEATURES"]
    for ensemble, engine, export in (
        ("vqa", "answer_decoder", "answer_postprocess"),
        ("vqa_choose", "answer_scorer", "choice_postprocess"),
    ):
        steps = {step.model_name: step for step in CONFIGS[ensemble].ensemble_scheduling.step}
        made = steps[engine].output_map["IMAGE_SHA256"]
        assert steps[export].input_map["IMAGE_SHA256"] == made
        assert steps[export].input_map["IMAGE"] == "IMAGE"
    (_, export) = CONFIGS["image_embedding"].ensemble_scheduling.step
    assert dict(export.input_map) == {"IMAGE": "IMAGE", "IMAGE_FEATURES": "image_features"}


@pytest.mark.parametrize("name", [n for n in CONFIGS if n not in ENSEMBLES])
def test_every_step_states_its_instances_and_batches(name: str) -> None:
    config = CONFIGS[name]
    costly = name in ("image_preprocess", "image_encoder", "answer_decoder")
    assert [group.count for group in config.instance_group] == [2 if costly else 1]
    assert config.HasField("dynamic_batching")


def test_all_models_take_the_same_batch_but_lists_and_photos_to_read_come_alone() -> None:
    """A list's candidates are rows enough; photos to read differ in size, and so do their lines."""
    alone = {"vqa_choose", "candidates_preprocess", "answer_scorer", "choice_postprocess", *TEXT_MODELS}
    assert {name for name, config in CONFIGS.items() if config.max_batch_size == 1} == alone
    assert len({config.max_batch_size for name, config in CONFIGS.items() if name not in alone}) == 1


@pytest.mark.parametrize("name", CONFIGS)
def test_the_source_configs_have_the_bundled_dimensions(name: str) -> None:
    config = CONFIGS[name]
    backend = config.backend if name in ENGINES else "onnxruntime"
    assert adapt_config(config, BUNDLED, ServingConfig(backend), SPECS) == config


@pytest.mark.parametrize("name", ENGINES)
def test_tensorrt_s_engines_lie_on_the_gpus_that_were_asked_for(name: str) -> None:
    everywhere = adapt_config(CONFIGS[name], BUNDLED, ServingConfig("tensorrt"), SPECS)
    chosen = adapt_config(CONFIGS[name], BUNDLED, ServingConfig("tensorrt", gpus=(0, 2), gpu_instances=2), SPECS)
    for config, count, gpus in ((everywhere, 1, []), (chosen, 2, [0, 2])):
        [group] = config.instance_group
        assert (group.kind, group.count, list(group.gpus)) == (group.KIND_GPU, count, gpus)


@pytest.mark.parametrize("name", PYTHON_STEPS)
def test_steps_in_python_stay_on_the_processor(name: str) -> None:
    config = adapt_config(CONFIGS[name], BUNDLED, ServingConfig("tensorrt", gpus=(1,), gpu_instances=2), SPECS)
    assert {(group.kind, tuple(group.gpus)) for group in config.instance_group} == {
        (config.instance_group[0].KIND_CPU, ())
    }


@pytest.mark.parametrize("name", PYTHON_STEPS)
def test_a_steps_code_names_tensors_of_its_config(name: str) -> None:
    code = ast.parse((STEPS / f"{name}.py").read_text(encoding="utf-8"))
    named = {n.value for n in ast.walk(code) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    words = {word for word in named if word.isupper() and "_ARG" not in word and word != "INTERNAL"}
    adapted = pb.ModelConfig()
    adapted.CopyFrom(CONFIGS[name])
    use_forced_rows(adapted, BUNDLED)  # of chat models, whose steps are the same code
    assert words == set(tensors(adapted)) - {WAITED_FOR.get(name)}


@pytest.mark.parametrize("name", PYTHON_STEPS)
def test_a_step_gets_the_modules_that_it_needs_and_no_others(name: str) -> None:
    modules = {file.as_posix() for file in modules_needed(SOURCE / name / "1" / "model.py")}
    assert {f"models/{name}.py", "triton/step.py", "triton/heartbeat.py"} <= modules
    assert ("photo/decoder_process.py" in modules) == (name in DECODERS)
    assert ("rules.py" in modules) == (name in ("answer_postprocess", "choice_postprocess"))


def test_the_client_asks_for_what_the_server_gives() -> None:
    vqa, embedding = CONFIGS["vqa"], CONFIGS["image_embedding"]
    inputs = {"IMAGE": False, "QUESTION": False, "MAX_RISK": True, "CONTEXT": True}
    assert {t.name: t.optional for t in vqa.input} == inputs
    with_context = calls.ask_call(b"photo", "What is it?", None, "linen").outputs
    assert set(with_context) == {*calls.ANSWER_OUTPUTS, "SOURCE"} == {t.name for t in vqa.output}
    with_context = calls.choose_call(b"photo", "What is it?", ["red"], None, "linen").outputs
    assert set(with_context) == {*calls.CHOICE_OUTPUTS, "SOURCE"} == {t.name for t in CONFIGS["vqa_choose"].output}
    assert set(calls.EMBEDDING_OUTPUTS) == {t.name for t in embedding.output}
    assert set(READING_OUTPUTS) == {t.name for t in CONFIGS["photo_reading"].output}
