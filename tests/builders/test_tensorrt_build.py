"""The build for TensorRT, whole, with a double of its API that ONNX Runtime runs."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from builders.build import build
from builders.dimensions import BatchRange
from builders.engine_spec import ENGINES
from builders.errors import BuildError
from builders.options import BuildOptions, PlanOptions
from builders.repository.source import read_config
from builders.tensorrt import gpu as machine
from tests.helpers import tensorrt_double
from tests.helpers.tensorrt_machine import H100, played_gpu_machine
from tests.helpers.weights import with_weights
from training.random_checkpoint import Geometry, random_blip, save_checkpoint


@pytest.fixture(autouse=True, scope="module")
def gpu_machine() -> Iterator[None]:
    with played_gpu_machine():
        yield


@pytest.fixture(autouse=True)
def nothing_wrong() -> Iterator[None]:
    yield
    tensorrt_double.FAULTS.clear()


real_find_gpu = machine.find_gpu


def options_for(checkpoint: Path, folder: Path, **changes: object) -> BuildOptions:
    fields = {"target": "tensorrt", "parity_photos": 2, "answer_tokens": 4, "batch_opt": 2, "batch_max": 4, **changes}
    return BuildOptions(str(checkpoint), folder / "out", **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cached(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished graphs, so that not every test exports its own."""
    folder = tmp_path_factory.mktemp("cached")
    build(options_for(checkpoint, folder, graphs_only=True))
    return folder / "cache"


@pytest.fixture
def folder(cached: Path, tmp_path: Path) -> Path:
    """A folder whose cache holds the finished graphs."""
    subprocess.run(["cp", "-r", str(cached), str(tmp_path / "cache")], check=True)
    return tmp_path


def left_over(folder: Path) -> set[str]:
    """What a failed build left but its finished graphs."""
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and "cache/graphs-" not in str(f)}


def test_a_build_has_plans_profiles_layers_and_facts(checkpoint: Path, folder: Path) -> None:
    plan = PlanOptions(workspace_gib=2, optimization_level=5, hardware_compatibility="ampere_plus")
    built = build(options_for(checkpoint, folder, plan=plan))
    for engine in ENGINES:
        version = built / engine / "1"
        assert {f.name for f in version.iterdir()} == {"model.plan", "model.profile.json", "model.layers.json"}
        profile = json.loads((version / "model.profile.json").read_text("utf-8"))
        rows = [1, 1, 1] if engine == "answer_scorer" else [1, 2, 4]
        assert all([shape[0] for shape in shapes] == rows for shapes in profile.values())
        assert json.loads((version / "model.layers.json").read_text("utf-8"))["Layers"]
    assert profile["CANDIDATE_IDS"] == [[1, 1, 1], [1, 16, 4], [1, 256 + 16, 4]]
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert manifest["target"] == "tensorrt"
    assert manifest["precision"] == "fp16"
    facts = manifest["gpu"]
    assert (facts["tensorrt"], facts["gpu"], facts["compute_capability"]) == ("11.2.1.2", "NVIDIA H100", "9.0")
    assert facts["options"]["optimization_level"] == 5
    assert all(sizes["bytes_over_weights"] > 0.9 for sizes in manifest["engines"].values())
    assert manifest["build_s"] > 0
    ranges = json.loads((built / "activation_ranges.json").read_text("utf-8"))
    assert {tensor["engine"] for tensor in ranges["tensors"]} == set(ENGINES)
    assert any(tensor["in_loop"] for tensor in ranges["tensors"])
    config = tensorrt_double.IBuilderConfig.last
    assert config
    assert config.builder_optimization_level == 5
    assert config._pools == {tensorrt_double.MemoryPoolType.WORKSPACE: 2 * 2**30}
    assert config.hardware_compatibility_level == tensorrt_double.HardwareCompatibilityLevel.AMPERE_PLUS
    assert config.profiling_verbosity == tensorrt_double.ProfilingVerbosity.DETAILED
    assert config._flags == set()
    assert [f.name for f in (folder / "cache").iterdir()] == ["timing-tensorrt-11.2.1.2-sm9.0.cache"]


def test_the_configs_are_a_gpus(checkpoint: Path, folder: Path) -> None:
    built = build(options_for(checkpoint, folder))
    for engine in ENGINES:
        config = read_config(built / engine / "config.pbtxt")
        assert config.backend == "tensorrt"
        assert [(g.kind, g.count) for g in config.instance_group] == [(1, 1)]  # KIND_GPU
        assert not config.parameters
        alone = engine == "answer_scorer"
        assert config.max_batch_size == (1 if alone else 4)
        assert config.optimization.cuda.graphs == (engine == "image_encoder")
        assert {warmup.batch_size for warmup in config.model_warmup} == ({1} if alone else {1, 2, 4})
    assert list(read_config(built / "image_encoder/config.pbtxt").dynamic_batching.preferred_batch_size) == [2, 4]
    assert read_config(built / "vqa/config.pbtxt").max_batch_size == 4


@pytest.mark.night
def test_timings_are_kept_between_builds_and_dropped_for_another_gpu(
    checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = folder / "cache" / "timing-tensorrt-11.2.1.2-sm9.0.cache"
    cache.write_text(json.dumps({"of": tensorrt_double.HERE, "earlier": 1}), "utf-8")
    build(options_for(checkpoint, folder, decode_strategy="loop"))
    assert {"of", "earlier"} < set(json.loads(cache.read_text("utf-8")))
    cache.write_text(json.dumps({"of": {"version": "11.2.1.2", "gpu": "8.6"}, "earlier": 1}), "utf-8")
    build(BuildOptions(**{**options_for(checkpoint, folder).__dict__, "output": folder / "again"}))
    assert "earlier" not in json.loads(cache.read_text("utf-8"))


@pytest.mark.night
def test_version_compatible_sets_the_flag_and_takes_another_version(
    checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["tensorrt"], "__version__", "11.4.0.106")
    with pytest.raises(
        BuildError, match=r"TensorRT 11\.4\.0\.106 is here, but the serving container 26\.08 has 11\.2\.1"
    ):
        build(options_for(checkpoint, folder))
    build(options_for(checkpoint, folder, plan=PlanOptions(version_compatible=True)))
    config = tensorrt_double.IBuilderConfig.last
    assert config
    assert config._flags == {tensorrt_double.BuilderFlag.VERSION_COMPATIBLE}


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("parse", "parser refuses image_encoder: Loop 'node_loop': operator does not take this type"),
        pytest.param("build", "cannot build image_encoder: could not find any implementation", marks=pytest.mark.night),
        pytest.param("profile", "refuses the batch range 1/2/4", marks=pytest.mark.night),
        pytest.param("run", "image_encoder failed to run", marks=pytest.mark.night),
    ],
)
def test_a_failure_is_one_sentence_and_leaves_nothing(checkpoint: Path, folder: Path, fault: str, words: str) -> None:
    tensorrt_double.FAULTS.add(fault)
    with pytest.raises(BuildError, match=words):
        build(options_for(checkpoint, folder))
    assert {name for name in left_over(folder) if "timing" not in name} == set()


@pytest.mark.night
def test_a_plan_of_another_gpu_is_refused(checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = tensorrt_double.Builder.build_serialized_network

    def built_elsewhere(self: tensorrt_double.Builder, network: object, config: object) -> object:
        made = real(self, network, config)  # type: ignore[arg-type]
        assert made
        return tensorrt_double.IHostMemory(made.replace(b'"gpu": "9.0"', b'"gpu": "8.6"'))

    monkeypatch.setattr(tensorrt_double.Builder, "build_serialized_network", built_elsewhere)
    with pytest.raises(BuildError, match=r"cannot load image_encoder: plan was built for gpu 8\.6, not 9\.0"):
        build(options_for(checkpoint, folder))


@pytest.mark.night
def test_plans_that_answer_otherwise_are_refused(
    checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tensorrt_double.IExecutionContext.execute_async_v3

    def off_by_a_token(self: tensorrt_double.IExecutionContext, stream_handle: int) -> bool:
        done = real(self, stream_handle)
        if "ANSWER_IDS" in self._addresses:
            self._at("ANSWER_IDS", (1, 1, 1, 4))[...] += 1
        return done

    monkeypatch.setattr(tensorrt_double.IExecutionContext, "execute_async_v3", off_by_a_token)
    with pytest.raises(BuildError, match=r"do not answer like the checkpoint(.|\n)*ANSWER_IDS.*FAILED"):
        build(options_for(checkpoint, folder))
    assert not (folder / "out").exists()


@pytest.mark.night
def test_an_interrupted_build_goes_on_from_its_graphs(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tensorrt_double.FAULTS.add("interrupt")
    with pytest.raises(KeyboardInterrupt):
        build(options_for(checkpoint, tmp_path))
    assert left_over(tmp_path) == set()
    assert len(list(tmp_path.glob("cache/graphs-*"))) == 1
    tensorrt_double.FAULTS.clear()
    capsys.readouterr()
    build(options_for(checkpoint, tmp_path))
    assert "answer decoder, loop to ONNX: finished by an earlier build" in capsys.readouterr().out
    assert list(tmp_path.glob("cache/graphs-*")) == []


@pytest.mark.night
def test_other_inputs_do_not_take_an_earlier_builds_graphs(
    checkpoint: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(options_for(checkpoint, folder, answer_tokens=3))
    assert "finished by an earlier build" not in capsys.readouterr().out


@pytest.mark.night
def test_bfloat16_is_proved_and_built(tmp_path: Path) -> None:
    save_checkpoint(random_blip(Geometry(), seed=1, end_bias=60.0), tmp_path / "sure")
    built = build(options_for(tmp_path / "sure", tmp_path, precision="bf16", decode_strategy="unrolled"))
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert (manifest["precision"], manifest["decode_strategy"]) == ("bf16", "unrolled")
    assert read_config(built / "answer_decoder/config.pbtxt").optimization.cuda.graphs


@pytest.mark.night
def test_an_overflow_names_the_first_tensor(checkpoint: Path, tmp_path: Path) -> None:
    layer = "vision_model.encoder.layers.0.mlp"
    broken = with_weights(checkpoint, tmp_path / "large", f"{layer}.fc2.bias", 6.0e4)
    from safetensors.numpy import load_file, save_file

    weights = load_file(broken / "model.safetensors")
    weights["vision_model.embeddings.position_embedding"] += 6.0e4
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        BuildError, match=r"fp16 overflows, first in Add 'add_\d+' \(image_encoder\), which reaches 1\.2e\+05"
    ):
        build(options_for(broken, tmp_path))
    assert left_over(tmp_path) == {f"large/{f.name}" for f in broken.iterdir()}


def test_a_weight_beyond_fp16_is_named(checkpoint: Path, tmp_path: Path) -> None:
    name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    broken = with_weights(checkpoint, tmp_path / "large", name, 1.0e5)
    with pytest.raises(BuildError, match=rf"weight {name} reaches 1e\+05, more than fp16 can hold .*bf16"):
        build(options_for(broken, tmp_path))


def test_a_full_disk_leaves_nothing_half_written(
    checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit on a file's size is the disk that is full: the plan does not fit."""
    code = (
        "import resource, signal, sys; from pathlib import Path; from builders.checkpoint.digests import write_whole\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN); resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "write_whole(Path(sys.argv[1]), bytes(2000))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(folder / "x.plan")], check=False, capture_output=True)
    assert b"File too large" in done.stderr
    assert left_over(folder) == set()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("builders.tensorrt.plan.write_whole", full)
    with pytest.raises(BuildError, match=r"No space left on device\): free space at .*nothing half-written is left"):
        build(options_for(checkpoint, folder))
    assert left_over(folder) == set()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "fp32"}, "it takes fp16 or bf16"),
        ({"plan": PlanOptions(workspace_gib=0)}, "--workspace-gib is 0"),
        ({"plan": PlanOptions(optimization_level=6)}, "--optimization-level is 6, but must be 0 to 5"),
        ({"target": "onnxruntime", "precision": "fp16"}, "it takes fp32"),
        ({"target": "onnxruntime", "graphs_only": True}, "goes with --target tensorrt"),
    ],
)
def test_options_that_contradict_are_refused(
    checkpoint: Path, tmp_path: Path, options: dict[str, object], words: str
) -> None:
    with pytest.raises(BuildError, match=words):
        build(options_for(checkpoint, tmp_path, **options))


def test_preferred_batches_lie_in_the_profile() -> None:
    assert BatchRange(8, 16).preferred() == [2, 4, 8, 16]
    assert BatchRange(1, 1).preferred() == []
    assert BatchRange(6, 6).preferred() == [2, 4, 6]


def test_the_double_takes_batches_within_the_profile_only(checkpoint: Path, folder: Path) -> None:
    from builders.tensorrt.runtime import plan_engine

    built = build(options_for(checkpoint, folder))
    encoder = plan_engine(built / "image_encoder/1/model.plan", H100)
    assert encoder({"PIXELS": np.zeros((4, 32, 32, 3), np.uint8)})["ENCODED_FEATURES"].shape == (4, 5, 32)
    with pytest.raises(BuildError, match=r"does not take PIXELS of shape \[5, 32, 32, 3\]"):
        encoder({"PIXELS": np.zeros((5, 32, 32, 3), np.uint8)})


def test_graphs_alone_are_kept_with_their_ranges(cached: Path) -> None:
    (graphs,) = cached.iterdir()
    assert {f.name for f in graphs.iterdir()} == {*ENGINES, "activation_ranges.json"}
    halves = {t.data_type for t in onnx.load(graphs / "answer_decoder/model.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 in halves


class TestMissing:
    """One sentence: what is missing, and which container has it."""

    def test_no_tensorrt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(machine, "find_spec", lambda name: None)
        with pytest.raises(
            BuildError, match=r"^TensorRT is not installed here: build in nvcr\.io/nvidia/tensorrt:26\.08"
        ):
            machine.require_tensorrt(version_compatible=False)

    @pytest.mark.skipif(torch.version.cuda is not None, reason="this PyTorch has CUDA")
    def test_pytorch_without_cuda(self) -> None:
        with pytest.raises(BuildError, match=r"PyTorch .* is a build without CUDA"):
            real_find_gpu()

    @pytest.mark.parametrize(
        ("error", "words"),
        [
            (
                "The NVIDIA driver on your system is too old (found version 12040). Please update your GPU driver",
                r"the NVIDIA driver is too old: it speaks CUDA 12\.4.*update the driver on the host",
            ),
            ("No CUDA GPUs are available", r"no GPU can be used here \(No CUDA GPUs are available\): run on a host"),
            ("", r"no GPU can be used here \(no reason given\)"),
        ],
    )
    def test_the_reason_is_said(self, error: str, words: str) -> None:
        import re

        assert re.search(words, machine._why_no_gpu(error))
