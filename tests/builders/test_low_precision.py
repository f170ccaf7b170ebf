"""INT8 takes an engine's place where it is faster and keeps the answers, and nowhere else."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest

from builders.build import build
from builders.calibration.ask import Asked, Scored
from builders.engine_spec import ENGINES
from builders.errors import BuildError
from builders.options import BuildOptions
from builders.parity import tolerances
from builders.parity.onnx_engine import onnx_engine
from builders.parity.tolerances import TOLERANCES, LowPrecisionBounds, Tolerance
from builders.precision import auto as low_precision
from builders.precision.auto import Examined, Trial, compare_with_fp32, examine_variant, trials_table
from builders.precision.int8 import write_int8
from tests.helpers.graphs import QUESTIONS, Graphs, SmallModel, all_graphs, packed, question_tensors
from vitrine_steps.confidence import Candidate

TRIAL = Trial("image_encoder", "int8", (1.0, 6.0), 1.4)
ANY = Tolerance(-1.0, -1.0, 0.0, max_logprob_difference=1e9)


def products(file: Path) -> list[str]:
    nodes = [node.op_type for graph in all_graphs(onnx.load(file).graph) for node in graph.node]
    return [kind for kind in nodes if kind in ("MatMulInteger", "DynamicQuantizeMatMul")]


@pytest.mark.parametrize(
    ("sentence", "figures", "keeps"),
    [
        ("all as it was", (1.0, 1.0, 0.0), True),
        ("just inside", (0.999, 0.995, 0.003), True),
        ("better than FP32", (1.0, 1.0, -0.01), True),
        ("features differ", (0.9989, 1.0, 0.0), False),
        ("answers differ", (1.0, 0.994, 0.0), False),
        ("more answers are wrong", (1.0, 1.0, 0.0031), False),
        ("features are no numbers", (float("nan"), 1.0, 0.0), False),
        ("nothing was asked", (None, None, None), False),
    ],
)
def test_the_gate(sentence: str, figures: tuple[float, float, float], keeps: bool) -> None:
    cosine, equal, loss = figures
    assert replace(TRIAL, min_cosine=cosine, equal_ratio=equal, accuracy_loss=loss).keeps_the_answers == keeps


def answer(text: str, right: str, listed: int, *, language: str = "en") -> Asked:
    """One open answer, and the number of the candidate that is likeliest in a list of three whose first is right."""
    logprobs = np.full((4, 1), -5.0, np.float32)
    logprobs[listed] = -0.1
    scored = Scored(np.ones(4, np.int32), logprobs, 1, (True, False, False))
    return Asked([Candidate(text, 0.9, 2, 0.9)], language, (text == right,), False, "What colour is it?", listed=scored)


def test_what_was_found_is_compared_with_what_fp32_found() -> None:
    features = np.random.default_rng(0).normal(size=(2, 5, 8)).astype(np.float16)
    truth = [answer("red", "red", 0), answer("红色", "红色", 0, language="zh"), answer("blue", "red", 0)] * 2
    found = [answer("red", "red", 1), answer("蓝色", "红色", 0, language="zh"), answer("blue", "red", 0)] * 2
    trial = compare_with_fp32(TRIAL, Examined(features, found), Examined(features, truth))
    assert trial.min_cosine == pytest.approx(1, abs=1e-6)
    assert trial.equal_ratio == pytest.approx(2 / 3), "a third of the open answers, and a third of the choices, differ"
    assert trial.accuracy_loss == pytest.approx(1 / 3)
    assert compare_with_fp32(TRIAL, Examined(features, truth), Examined(features, truth)).keeps_the_answers


def test_int8_reaches_into_the_decoding_loop_and_leaves_the_first_share(graphs: Graphs, tmp_path: Path) -> None:
    small, counts = SmallModel(), []
    decoder_file = graphs.decoder_file(small, 4)
    for share in (0.0, 0.5, 1.0):
        write_int8(decoder_file, tmp_path / f"{share}.onnx", fp32_share=share)
        counts.append(len(products(tmp_path / f"{share}.onnx")))
    everything, half, none = counts
    assert everything > half > none == 0
    loop = next(node for node in onnx.load(tmp_path / "0.0.onnx").graph.node if node.op_type == "Loop")
    assert any("Integer" in node.op_type for node in loop.attribute[0].g.node)
    photos = np.random.default_rng(2).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    features = packed(graphs.encoder(small)({"PIXELS": photos})["ENCODED_FEATURES"])
    inputs = {"IMAGE_FEATURES": features, **question_tensors(QUESTIONS)}
    found = onnx_engine(tmp_path / "0.0.onnx", threads=1)(inputs)
    # 0.01 with VNNI; without it ONNX Runtime adds pairs of products in 16 bits, which saturate: 0.028 was seen.
    np.testing.assert_allclose(found["ATTENTION"], graphs.decoder(small, 4)(inputs)["ATTENTION"], atol=0.05)


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_build_takes_int8_where_the_answers_stay(
    is_kept: bool,
    checkpoint: Path,
    cache: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Random weights decide nothing about their answers, so the bounds do."""
    monkeypatch.setattr(low_precision, "FP32_SHARES", (0.0, 0.5))
    bounds = LowPrecisionBounds(-1.0 if is_kept else 2.0, min_equal_ratio=0.0, max_accuracy_loss=1.0, min_speedup=0.0)
    monkeypatch.setattr(low_precision, "BOUNDS", bounds)
    monkeypatch.setitem(TOLERANCES, "int8", ANY)
    for ratio in tolerances.MIN_DRAFT_COSINES:
        monkeypatch.setitem(tolerances.MIN_DRAFT_COSINES, ratio, -1.0)
    options = BuildOptions(str(checkpoint), tmp_path / "out", precision="auto", parity_photos=2, low_precision_photos=2)
    built = build(options)
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert manifest["precision"] == "auto"
    trials = {(one["engine"], one["precision"]): one for one in manifest["low_precision"]}
    assert set(trials) == {
        (engine, precision) for engine in ENGINES for precision in ("fp32", "int8", "int8 after the first 50%")
    }
    for engine in ENGINES:
        chosen = [precision for (name, precision), one in trials.items() if name == engine and one["chosen"]]
        assert len(chosen) == 1
        assert (chosen != ["fp32"]) == is_kept
        assert bool(products(built / engine / "1/model.onnx")) == is_kept
    assert sorted(f.name for f in built.rglob("*.onnx")) == ["model.onnx"] * 3
    assert ("refused" in capsys.readouterr().out) == (not is_kept)


def test_engines_stay_in_fp32_where_the_last_parity_fails(
    checkpoint: Path, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(low_precision, "FP32_SHARES", (0.0,))
    monkeypatch.setattr(low_precision, "BOUNDS", LowPrecisionBounds(min_speedup=0.0))
    monkeypatch.setattr(Trial, "keeps_the_answers", property(lambda trial: True))
    monkeypatch.setitem(TOLERANCES, "int8", replace(ANY, min_cosine=2.0))
    built = build(
        BuildOptions(str(checkpoint), tmp_path / "out", precision="auto", parity_photos=2, low_precision_photos=2)
    )
    manifest = json.loads((built / "manifest.json").read_text("utf-8"))
    assert {one["precision"] for one in manifest["low_precision"] if one["chosen"]} == {"fp32"}
    assert all(row["passed"] for row in manifest["parity"])
    assert not any(products(built / engine / "1/model.onnx") for engine in ENGINES)
    assert "every engine stays in fp32" in capsys.readouterr().out


def test_probabilities_that_are_no_numbers_refuse_a_variant() -> None:
    def failing() -> Examined:
        raise FloatingPointError

    assert not examine_variant(TRIAL, failing, Examined(np.zeros((1, 1, 1), np.float16), [])).keeps_the_answers


def test_auto_is_refused_for_tensorrt(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match="it takes fp16 or bf16"):
        build(BuildOptions("x", tmp_path / "out", target="tensorrt", precision="auto"))


def test_the_table_says_what_was_tried() -> None:
    kept = replace(TRIAL, min_cosine=0.9995, equal_ratio=0.998, accuracy_loss=0.0, chosen=True)
    lines = trials_table([kept, replace(kept, min_cosine=0.9, chosen=False), TRIAL]).splitlines()
    assert lines[1].split() == [
        "image_encoder",
        "int8",
        "1.00",
        "/",
        "6.00",
        "1.40x",
        "0.99950",
        "99.80%",
        "0.00%",
        "chosen",
    ]
    assert lines[2].endswith("refused")
    assert lines[3].endswith("1.40x")
