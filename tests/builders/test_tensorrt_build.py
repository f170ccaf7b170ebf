"""The build for TensorRT: whole with the real compiler of TensorRT for RTX; what it says where something lacks."""

import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import onnx
import pytest
from tqdm import tqdm

from builders.build import build
from builders.dimensions import BatchRange
from builders.engine_spec import ENGINES
from builders.errors import BuildError
from builders.options import BuildOptions
from builders.repository.source import read_config
from builders.tensorrt import api
from builders.tensorrt.plan_options import PlanOptions
from command_line.options import options_from_arguments
from tests.helpers.system import require_tensorrt_rtx
from tests.helpers.weights import with_weights
from training.random_checkpoint import Geometry, random_blip, save_checkpoint
from vitrine_steps.triton.gpu import NoGpuError, find_gpu

ROOT = Path(__file__).parents[2]
BUNDLED = ROOT / "checkpoints" / "vitrine-small"


def options_for(checkpoint: Path, folder: Path, **changes: object) -> BuildOptions:
    fields = {"target": "tensorrt-rtx", "parity_photos": 2, "answer_tokens": 4, "batch_opt": 2, "batch_max": 4}
    return BuildOptions(str(checkpoint), folder / "out", **{**fields, **changes})  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def cached(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Finished graphs, so that not every test exports its own."""
    folder = tmp_path_factory.mktemp("cached")
    build(options_for(checkpoint, folder, target="tensorrt", graphs_only=True))
    return folder / "cache"


@pytest.fixture
def folder(cached: Path, tmp_path: Path) -> Path:
    """A folder whose cache holds the finished graphs."""
    subprocess.run(["cp", "-r", str(cached), str(tmp_path / "cache")], check=True)
    return tmp_path


@pytest.fixture
def compiler() -> None:
    require_tensorrt_rtx()


@pytest.fixture
def no_gpu() -> None:
    try:
        find_gpu()
    except NoGpuError:
        return
    pytest.skip("this machine has a GPU")


def left_over(folder: Path) -> set[str]:
    """What a failed build left but its finished graphs."""
    return {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file() and "cache/graphs-" not in str(f)}


def test_a_build_has_plans_their_tensors_logs_and_facts(
    compiler: None, no_gpu: None, checkpoint: Path, folder: Path
) -> None:
    plan = PlanOptions(compute_capability="86,120")
    built = build(options_for(checkpoint, folder, plan=plan))
    for engine in ENGINES:
        version = built / engine / "1"
        assert {f.name for f in version.iterdir()} == {"model.plan", "model.tensors.json", "model.log"}
        tensors = json.loads((version / "model.tensors.json").read_text("utf-8"))
        rows = [1, 1, 1] if engine == "answer_scorer" else [1, 2, 4]
        assert all([shape[0] for shape in t["shapes"]] == rows for t in tensors if t["kind"] == "input")
        assert "Total Weights Memory" in (log := (version / "model.log").read_text("utf-8"))
        assert str(folder) not in log
    (candidates,) = [t for t in tensors if t["name"] == "CANDIDATE_IDS"]
    assert candidates["shapes"] == [[1, 1, 1], [1, 16, 4], [1, 256 + 16, 4]]
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert (manifest["target"], manifest["precision"]) == ("tensorrt-rtx", "fp16")
    assert manifest["gpu"]["compute_capabilities"] == ["8.6", "12.0"]
    assert "gpu" not in manifest["gpu"], "none was there"
    assert manifest["parity"] == [], "the plans were not run"
    assert all(row["passed"] for row in manifest["graphs_parity"])
    assert all(sizes["bytes_over_weights"] > 0.9 for sizes in manifest["engines"].values())
    ranges = json.loads((built / "activation_ranges.json").read_text("utf-8"))
    assert any(tensor["in_loop"] for tensor in ranges["tensors"])
    assert not (folder / "cache").exists()


def test_the_configs_are_the_stand_in_backends(compiler: None, checkpoint: Path, folder: Path) -> None:
    built = build(options_for(checkpoint, folder))
    for engine in ENGINES:
        config = read_config(built / engine / "config.pbtxt")
        assert config.backend == "tensorrt_rtx"
        assert [(g.kind, g.count) for g in config.instance_group] == [(2, 1)]  # KIND_CPU: its process takes the GPU
        alone = engine == "answer_scorer"
        assert config.max_batch_size == (1 if alone else 4)
        assert ("cuda_graphs" in config.parameters) == (engine != "answer_decoder")
        assert {warmup.batch_size for warmup in config.model_warmup} == ({1} if alone else {1, 2, 4})


@pytest.mark.parametrize(
    ("capability", "words"),
    [
        ("90", r"--compute-capability 90: TensorRT for RTX 1\.\d+.* builds for 75, 80, 86, 89, 120, 121"),
        ("current", r"--compute-capability current asks for this machine's GPU, but no NVIDIA driver"),
    ],
)
def test_a_gpu_that_cannot_be_is_refused(
    compiler: None, no_gpu: None, checkpoint: Path, tmp_path: Path, capability: str, words: str
) -> None:
    with pytest.raises(BuildError, match=words):
        build(options_for(checkpoint, tmp_path, plan=PlanOptions(compute_capability=capability)))
    assert left_over(tmp_path) == set()


def test_fp8_is_for_gpus_that_have_it(compiler: None, checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"fp8-weights: GPUs of compute capability 86 have no FP8: .* 89 and newer"):
        build(options_for(checkpoint, tmp_path, precision="fp8-weights"))


@pytest.mark.night
@pytest.mark.parametrize("precision", ["int8-weights", "fp8-weights"])
def test_weights_of_8_bits_are_proved_and_built(compiler: None, tmp_path: Path, precision: str) -> None:
    """The bundled checkpoint's, since FP8 of random weights is refused: features are too far from the checkpoint's."""
    plan = PlanOptions(compute_capability="89")
    built = build(options_for(BUNDLED, tmp_path, answer_tokens=8, precision=precision, plan=plan))
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert manifest["precision"] == precision
    assert all(row["passed"] for row in manifest["graphs_parity"])


@pytest.mark.parametrize("text", ["", "8.6,x", "86,current", "Ampere"])
def test_odd_names_of_gpus_are_refused_at_once(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--checkpoint", "c", "--output", "o", "--compute-capability", text]
    with pytest.raises(SystemExit):
        options_from_arguments(BuildOptions, "builders", words)
    assert "numbers such as 86,89 or the word current are expected" in capsys.readouterr().err


def test_points_and_repetitions_do_not_matter() -> None:
    words = ["--checkpoint", "c", "--output", "o", "--compute-capability", "8.6, 89,86"]
    assert options_from_arguments(BuildOptions, "builders", words).plan.compute_capability == "86,89"


def test_an_interrupted_build_goes_on_from_its_graphs(
    compiler: None, checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TensorRT's own progress monitor is where Ctrl-C arrives."""
    api.use_tensorrt_rtx()

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(tqdm, "update", interrupt)
        with pytest.raises(KeyboardInterrupt):
            build(options_for(checkpoint, folder))
    assert left_over(folder) == set()
    capsys.readouterr()
    build(options_for(checkpoint, folder))
    assert "answer decoder, loop to ONNX: finished by an earlier build" in capsys.readouterr().out


def test_a_full_disk_leaves_nothing_half_written(
    compiler: None, checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
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
    api.use_tensorrt_rtx()
    from builders.tensorrt import plan

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(plan, "write_whole", full)
    with pytest.raises(BuildError, match=r"No space left on device\): free space at .*nothing half-written is left"):
        build(options_for(checkpoint, folder))
    assert left_over(folder) == set()


def test_a_graph_that_the_parser_refuses_ends_the_build(
    compiler: None, checkpoint: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (graph,) = folder.glob("cache/graphs-*/image_encoder/model.onnx")
    model = onnx.load(graph)
    model.graph.node[-1].op_type = "NoSuchOperator"
    onnx.save_model(model, str(graph))
    monkeypatch.setattr("builders.build.prove_graphs", lambda *_: None)
    with pytest.raises(BuildError, match=r"TensorRT's parser refuses image_encoder: .*NoSuchOperator"):
        build(options_for(checkpoint, folder))
    assert left_over(folder) == set()


def test_too_little_memory_is_said(compiler: None) -> None:
    """What the real compiler says under a limit on its address space; under others the process ends at once."""
    api.use_tensorrt_rtx()
    from builders.tensorrt.plan import why_not_built

    said = "IBuilder::buildSerializedNetwork: Error Code 1: Myelin (Unexpected exception std::bad_alloc In compileGraph"
    assert why_not_built("answer_decoder", said).startswith("TensorRT ran out of memory while it built answer_decoder")
    assert why_not_built("answer_decoder", "odd") == "TensorRT cannot build answer_decoder: odd"


@pytest.mark.night
def test_bfloat16_is_proved_and_built(compiler: None, tmp_path: Path) -> None:
    save_checkpoint(random_blip(Geometry(), seed=1, end_bias=60.0), tmp_path / "sure")
    built = build(options_for(tmp_path / "sure", tmp_path, precision="bf16", decode_strategy="unrolled"))
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert (manifest["precision"], manifest["decode_strategy"]) == ("bf16", "unrolled")
    assert "cuda_graphs" in read_config(built / "answer_decoder/config.pbtxt").parameters


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
        build(options_for(broken, tmp_path, target="tensorrt", graphs_only=True))
    assert left_over(tmp_path) == {f"large/{f.name}" for f in broken.iterdir()}


def test_a_weight_beyond_fp16_is_named(checkpoint: Path, tmp_path: Path) -> None:
    name = "vision_model.encoder.layers.1.mlp.fc1.weight"
    broken = with_weights(checkpoint, tmp_path / "large", name, 1.0e5)
    with pytest.raises(BuildError, match=rf"weight {name} reaches 1e\+05, more than fp16 can hold .*bf16"):
        build(options_for(broken, tmp_path, target="tensorrt", graphs_only=True))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"precision": "fp32"}, "it takes fp16 or bf16 or int8-weights or fp8-weights"),
        ({"plan": PlanOptions(workspace_gib=0)}, "--workspace-gib is 0"),
        ({"plan": PlanOptions(optimization_level=6)}, "--optimization-level is 6, but must be 0 to 5"),
        (
            {"target": "tensorrt-rtx", "plan": PlanOptions(version_compatible=True)},
            "--version-compatible goes with --target tensorrt, not",
        ),
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


def test_graphs_alone_are_kept_with_their_ranges(cached: Path) -> None:
    (graphs,) = cached.iterdir()
    assert {f.name for f in graphs.iterdir()} == {*ENGINES, "activation_ranges.json"}
    halves = {t.data_type for t in onnx.load(graphs / "answer_decoder/model.onnx").graph.initializer}
    assert onnx.TensorProto.FLOAT16 in halves


class TestMissing:
    """One sentence: what is missing, and where it is to be had."""

    @pytest.mark.parametrize(
        ("target", "words"),
        [
            ("tensorrt", r"TensorRT is not installed here: build in nvcr\.io/nvidia/tensorrt:26\.08"),
            ("tensorrt-rtx", "TensorRT for RTX is not installed here: .*make setup EXTRAS=tensorrt-rtx.*licence"),
        ],
    )
    def test_no_tensorrt(self, tmp_path: Path, target: str, words: str) -> None:
        """In a process that has neither it nor CUDA's bindings, as after `make setup`: no traceback."""
        code = (
            "import runpy, sys\n"
            "sys.modules |= dict.fromkeys(('cuda', 'tensorrt', 'tensorrt_rtx_bindings'))\n"
            "sys.argv[0] = 'builders'; runpy.run_module('builders', run_name='__main__')"
        )
        command = [sys.executable, "-c", code, "--checkpoint", str(BUNDLED), "--output", str(tmp_path / "out")]
        done = subprocess.run([*command, "--target", target], capture_output=True, text=True, check=False, cwd=ROOT)
        assert done.returncode == 1
        assert re.fullmatch(rf"error: {words}.*\n", done.stderr), done.stderr

    def test_tensorrt_without_cudas_bindings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "find_spec", lambda name: None if name == "cuda" else True)
        with pytest.raises(BuildError, match="TensorRT is here, but not NVIDIA's cuda-bindings, which run its plans"):
            api.use_tensorrt(version_compatible=False)

    def test_another_version_than_the_containers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        other = ModuleType("tensorrt")
        other.__version__ = "11.4.0.106"  # type: ignore[attr-defined]
        here = dict(vars(api))
        monkeypatch.setattr(api, "find_spec", lambda name: True)
        monkeypatch.setattr(api, "import_module", lambda name: other)
        try:
            with pytest.raises(BuildError, match=r"11\.4\.0\.106 is here, but the serving container 26\.08 has 11\.2"):
                api.use_tensorrt(version_compatible=False)
            assert api.use_tensorrt(version_compatible=True) == "11.4.0.106"
        finally:
            restore(here)


def restore(before: dict[str, Any]) -> None:
    vars(api).pop("trt", None)
    if "trt" in before:
        vars(api)["trt"] = before["trt"]
    assert "tensorrt" not in sys.modules


def test_too_little_workspace_names_the_options_that_help() -> None:
    from builders.tensorrt.plan import why_not_built

    said = why_not_built("answer_decoder", "[E] Error Code 2: OutOfMemory (Requested size was 4360000000 bytes.)")
    assert "--workspace-gib" in said
    assert "--batch-max" in said
