"""`python -m builders`: what it writes, and that a failure leaves nothing behind."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from builders import build as build_module
from builders.build import build
from builders.checkpoint.digests import sha256_of_file
from builders.checkpoint.load import load_checkpoint
from builders.checkpoint.pins import Pins
from builders.dimensions import BuildDimensions
from builders.engine_spec import ENGINES, EngineSpec
from builders.errors import BuildError
from builders.families.blip import engine_specs
from builders.options import BuildOptions, Precision, Target
from builders.parity.material import large_photos
from builders.parity.outputs import Outputs
from builders.parity.tolerances import PARITY_LIMITS
from builders.repository.configs import ServingConfig, adapt_config
from builders.repository.source import SOURCE, read_config
from tests.conftest import ROOT
from tests.helpers.weights import with_weights
from vitrine_steps.photo.pixels import DRAFT_RATIO, pixels_from_photo


@pytest.fixture(scope="module")
def built(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("built") / "tiny"
    return build(
        BuildOptions(str(checkpoint), output, parity_photos=2, answer_tokens=6, question_tokens=40, alternatives=3)
    )


def test_configs_have_the_checkpoints_dimensions(built: Path) -> None:
    decoder = read_config(built / "answer_decoder" / "config.pbtxt")
    assert {t.name: list(t.dims) for t in (*decoder.input, *decoder.output)} == {
        "IMAGE_FEATURES": [7, 32],
        "QUESTION_IDS": [-1, 40],
        "QUESTION_MASK": [-1, 40],
        "ANSWER_IDS": [-1, 3, 6],
        "ANSWER_LOGPROBS": [-1, 3, 6],
        "ATTENTION": [-1, 5],
        "IMAGE_SHA256": [32],
    }
    outputs = {output.name: list(output.dims) for output in read_config(built / "vqa" / "config.pbtxt").output}
    assert outputs["HEATMAP"] == [-1, 2, 2]
    assert outputs["RELEASE"] == [1]


def specs_of(dimensions: BuildDimensions) -> dict[str, EngineSpec]:
    return {spec.name: spec for spec in engine_specs(dimensions, "loop")}


@pytest.mark.parametrize(("width", "threads"), [(192, "1"), (768, "0")])
def test_a_narrow_engine_takes_one_thread_and_a_wide_one_all(width: int, threads: str) -> None:
    dimensions = BuildDimensions(
        image_px=112, image_tokens=50, image_width=width, grid=7, question_tokens=32, answers=1, answer_tokens=8
    )
    for engine in ENGINES:
        config = adapt_config(
            read_config(SOURCE / engine / "config.pbtxt"), dimensions, ServingConfig(), specs_of(dimensions)
        )
        assert config.parameters["intra_op_thread_count"].string_value == threads


@pytest.mark.parametrize(
    ("width", "cores", "counts"),
    [(192, 2, (2, 2, 2, 1)), (192, 64, (8, 8, 8, 1)), (192, 1, (1, 1, 1, 1)), (768, 4, (4, 1, 1, 1))],
)
def test_costly_steps_have_an_instance_a_core_unless_a_run_takes_them_all(
    width: int, cores: int, counts: tuple[int, ...]
) -> None:
    dimensions = BuildDimensions(
        image_px=112, image_tokens=50, image_width=width, grid=7, question_tokens=32, answers=1, answer_tokens=8
    )
    steps = ("image_preprocess", "image_encoder", "answer_decoder", "question_preprocess")
    configs = [
        adapt_config(
            read_config(SOURCE / step / "config.pbtxt"), dimensions, ServingConfig(cores=cores), specs_of(dimensions)
        )
        for step in steps
    ]
    assert tuple(config.instance_group[0].count for config in configs) == counts


@pytest.mark.parametrize(
    ("width", "target", "asked", "most"),
    [
        (192, "onnxruntime", None, 16),
        (768, "onnxruntime", None, 4),
        (768, "tensorrt", None, 16),
        (768, "onnxruntime", 8, 8),
    ],
)
def test_a_wide_model_on_the_cpu_has_short_runs_unless_asked(
    width: int, target: Target, asked: int | None, most: int
) -> None:
    dimensions = BuildDimensions(
        image_px=112, image_tokens=50, image_width=width, grid=7, question_tokens=32, answers=1, answer_tokens=8
    )
    options = BuildOptions("", Path(), target=target, batch_max=asked)
    assert options.batch_for(dimensions).max == most


@pytest.mark.parametrize(
    ("asked", "target", "has_instructions", "is_chat", "precision"),
    [
        (None, "onnxruntime", True, False, "auto"),
        (None, "onnxruntime", False, False, "fp32"),
        (None, "onnxruntime", True, True, "fp32"),
        (None, "tensorrt", True, False, "fp16"),
        ("int8", "onnxruntime", False, True, "int8"),
        ("fp32", "onnxruntime", True, False, "fp32"),
    ],
)
def test_precision_is_measured_where_the_processor_has_instructions_for_int8(
    asked: Precision | None, target: Target, has_instructions: bool, is_chat: bool, precision: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("builders.options.has_vnni", lambda: has_instructions)
    assert BuildOptions("", Path(), target=target, precision=asked).precision_for(is_chat=is_chat) == precision


def test_large_parity_photos_are_shrunk_cheaply_first() -> None:
    photos = list(large_photos(112))
    assert photos
    for photo in photos:
        whole, shrunk = (
            pixels_from_photo(photo, side_px=112, limits=PARITY_LIMITS, draft_ratio=ratio)
            for ratio in (None, DRAFT_RATIO)
        )
        assert not np.array_equal(whole, shrunk)


def test_the_manifest_accounts_for_every_file(built: Path, checkpoint: Path) -> None:
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    files = {str(f.relative_to(built)) for f in built.rglob("*") if f.is_file()} - {"manifest.json"}
    assert set(manifest["sha256"]) == files
    for name, digest in manifest["sha256"].items():
        assert sha256_of_file(built / name) == digest
    assert manifest["checkpoint"]["sha256"]["model.safetensors"] == sha256_of_file(checkpoint / "model.safetensors")
    assert {row["output"] for row in manifest["parity"]} == {
        "ENCODED_FEATURES",
        "IMAGE_POOLED",
        "ANSWER_IDS",
        "ANSWER_LOGPROBS",
        "ATTENTION",
        "CANDIDATE_LOGPROBS",
        "SHRUNK_PHOTOS",
        "IMAGE_SHA256",
    }
    assert all(row["passed"] for row in manifest["parity"])


def test_an_output_that_exists_is_left_alone(built: Path, checkpoint: Path) -> None:
    before = sha256_of_file(built / "manifest.json")
    with pytest.raises(BuildError, match="exists; a built repository is never changed"):
        build(BuildOptions(str(checkpoint), built))
    assert sha256_of_file(built / "manifest.json") == before


def test_engines_that_differ_leave_nothing_behind(
    checkpoint: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from builders.parity import onnx_engine as real

    def off_by_a_token(file: Path) -> object:
        engine = real.onnx_engine(file)

        def run(inputs: Outputs) -> Outputs:
            outputs = engine(inputs)
            return outputs | {name: out + 1 for name, out in outputs.items() if name == "ANSWER_IDS"}

        return run

    monkeypatch.setattr("builders.targets.onnx_engine", off_by_a_token)
    with pytest.raises(BuildError, match=r"do not answer like the checkpoint(.|\n)*ANSWER_IDS.*FAILED"):
        build(BuildOptions(str(checkpoint), tmp_path / "out", parity_photos=2))
    assert list(tmp_path.iterdir()) == []


def test_a_checkpoint_with_nan_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    broken = with_weights(checkpoint, tmp_path / "nan", "vision_model.post_layernorm.weight", float("nan"))
    with pytest.raises(BuildError, match=r"ENCODED_FEATURES.*FAILED"):
        build(BuildOptions(str(broken), tmp_path / "out", parity_photos=2))
    assert {path.name for path in tmp_path.iterdir()} == {"nan"}


def edited(checkpoint: Path, folder: Path, file: str, **changes: object) -> Path:
    shutil.copytree(checkpoint, folder)
    settings = json.loads((folder / file).read_text("utf-8"))
    settings.update(changes)
    (folder / file).write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_another_architecture_is_named(checkpoint: Path, tmp_path: Path) -> None:
    folder = edited(checkpoint, tmp_path / "other", "config.json", architectures=["ViltForQuestionAnswering"])
    with pytest.raises(BuildError, match="ViltForQuestionAnswering; supported is BlipForQuestionAnswering"):
        load_checkpoint(str(folder))


def test_another_resize_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(checkpoint, folder)
    settings = json.loads((folder / "processor_config.json").read_text("utf-8"))
    settings["image_processor"]["resample"] = 2
    (folder / "processor_config.json").write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(BuildError, match="resample 2, where the photo step has bicubic"):
        load_checkpoint(str(folder))


def test_pickled_weights_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(checkpoint, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(BuildError, match=r"no \*\.safetensors"):
        load_checkpoint(str(folder))


def test_weights_that_are_not_those_that_were_named_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    shutil.copytree(checkpoint, folder)
    with pytest.raises(BuildError, match=r"the weights' SHA-256 is [0-9a-f]{64}, not 0{64}"):
        load_checkpoint(str(folder), pins=Pins(sha256=("0" * 64,)))
    (folder / "SHA256SUMS").write_text(f"{'1' * 64}  model.safetensors\n", "utf-8")
    with pytest.raises(BuildError, match=r"model\.safetensors has the SHA-256 .* not 1{64} as SHA256SUMS says"):
        load_checkpoint(str(folder))
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    (folder / "SHA256SUMS").write_text(f"{digest}  model.safetensors\n", "utf-8")
    assert load_checkpoint(str(folder), pins=Pins(sha256=(digest.upper(),))).name == "other"


def test_missing_weights_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    """Transformers would fill them with random numbers, and parity would find those equal to themselves."""
    folder = tmp_path / "partial"
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    kept = {name: value for name, value in weights.items() if "text_decoder.bert.encoder" not in name}
    save_file(kept, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(BuildError, match=r"lacks \d+ weights .*text_decoder\.bert\.encoder"):
        load_checkpoint(str(folder))


def test_broken_weights_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    shutil.copytree(checkpoint, folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(BuildError, match="cannot be loaded"):
        load_checkpoint(str(folder))


def test_a_missing_tokenizer_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    folder = tmp_path / "mute"
    shutil.copytree(checkpoint, folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(BuildError, match=r"no tokenizer\.json"):
        load_checkpoint(str(folder))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"alternatives": 0}, "--alternatives is 0"),
        ({"parity_photos": 0}, "--parity-photos is 0"),
        ({"batch_opt": 8, "batch_max": 4}, "--batch-opt is 8, but must be at least 1 and at most --batch-max, 4"),
        ({"batch_opt": 0}, "--batch-opt is 0"),
        ({"batch_max": 0}, "--batch-max is 0, but must be 1 to 1024"),
        ({"batch_max": 4096}, "--batch-max is 4096"),
        ({"answer_tokens": 0}, "is 0"),
    ],
)
def test_impossible_options_are_refused(checkpoint: Path, tmp_path: Path, change: dict[str, int], words: str) -> None:
    with pytest.raises(BuildError, match=words):
        build(BuildOptions(str(checkpoint), tmp_path / "out", **change))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_parity_takes_photos_of_ones_own(tmp_path: Path) -> None:
    from PIL import Image

    from builders.parity.material import parity_material

    for name in ("b.png", "a.jpg", "c.webp"):
        Image.new("RGB", (9, 7), "red").save(tmp_path / name)
    photos, questions = parity_material(2, tmp_path)
    assert photos == [(tmp_path / "a.jpg").read_bytes(), (tmp_path / "b.png").read_bytes()]
    assert {index for index, _ in questions} == {0, 1}
    with pytest.raises(BuildError, match=r"--photos .*empty has no photos: name a folder with \.jpg"):
        parity_material(2, tmp_path / "empty")
    (tmp_path / "a.jpg").write_text("not a photo")
    with pytest.raises(BuildError, match=r"--photos: .*a\.jpg cannot be used: .*not an image"):
        parity_material(2, tmp_path)


def test_a_cache_that_cannot_be_written_is_named(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BuildError, match=r"cannot write to the cache .*file .*: name another --cache"):
        build(BuildOptions(str(checkpoint), tmp_path / "out", cache=tmp_path / "file"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("tokens", [1, 65])
def test_a_question_length_beyond_the_checkpoint_is_refused(checkpoint: Path, tmp_path: Path, tokens: int) -> None:
    with pytest.raises(BuildError, match=f"--question-tokens is {tokens}, but this checkpoint takes 2 to 64"):
        build(BuildOptions(str(checkpoint), tmp_path / "out", question_tokens=tokens))
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_build_goes_on_from_its_graphs(
    checkpoint: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    options = BuildOptions(str(checkpoint), tmp_path / "out", parity_photos=2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(build_module, "compile_engines", interrupted)
        build(options)
    assert list(tmp_path.iterdir()) == [cache]
    capsys.readouterr()
    build(options)
    assert "image encoder to ONNX: finished by an earlier build" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_export_leaves_nothing_behind(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("builders.graphs.export.export_engine", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(BuildOptions(str(checkpoint), tmp_path / "out", parity_photos=2))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("pins", "status", "words"),
    [
        (["--frozen"], 2, "error: checkpoints.lock.json does not have no/such: record it with python -m builders"),
        (["--revision", "0" * 40, "--sha256", "0" * 64], 1, "no checkpoint 'no/such': there is no such folder"),
        ([], 1, "no checkpoint 'no/such': there is no such folder"),
    ],
)
def test_the_command_line_says_what_is_wrong(tmp_path: Path, pins: list[str], status: int, words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "builders", "--checkpoint", "no/such", *pins],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PATH": "/usr/bin:/bin", "HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path), "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "checkpoints.lock.json").exists()


@pytest.mark.parametrize(
    ("checkpoint", "target", "folder"),
    [
        ("Qwen/Qwen3-VL-2B-Instruct", "onnxruntime", "build/Qwen3-VL-2B-Instruct"),
        ("./mine/", "onnxruntime", "build/mine"),
        ("checkpoints/vitrine-small", "tensorrt-rtx", "build/vitrine-small-tensorrt-rtx"),
    ],
)
def test_a_repository_is_named_after_its_checkpoint(checkpoint: str, target: Target, folder: str) -> None:
    assert BuildOptions(checkpoint, target=target).repository == Path(folder)
