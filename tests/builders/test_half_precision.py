"""Emulated half precision rounds and overflows as the types do, and ranges are what they say."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from builders.precision.ranges import EmulatedEngine, describe, first_overflow, near_limit, ranges_report

ONNX_TYPES = {"fp16": TensorProto.FLOAT16, "bf16": TensorProto.BFLOAT16}


def tiny_graph(file: Path, precision: str, weight: float) -> Path:
    """[B, 64] FP16 times a weight, in `precision`, times 1/1000, in `precision`, as FP32."""
    half = ONNX_TYPES[precision]
    weights = onnx.helper.make_tensor("layer.weight", half, [64, 4], [weight] * 256)
    nodes = [
        helper.make_node("Cast", ["X"], ["x"], to=half),
        helper.make_node("MatMul", ["x", "layer.weight"], ["large"]),
        helper.make_node("Mul", ["large", "scale"], ["small"]),
        helper.make_node("Cast", ["small"], ["Y"], to=TensorProto.FLOAT),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("X", TensorProto.FLOAT16, ["b", 64])],
        [helper.make_tensor_value_info("Y", TensorProto.FLOAT, ["b", 4])],
        [weights, onnx.helper.make_tensor("scale", half, [], [0.001])],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10), file)
    return file


def run(file: Path, precision: str, value: float) -> tuple[float, EmulatedEngine]:
    engine = EmulatedEngine("engine", file, precision)
    return float(engine({"X": np.full((1, 64), value, np.float16)})["Y"][0, 0]), engine


def test_fp16_overflows_where_onnx_runtime_alone_would_not(tmp_path: Path) -> None:
    import onnxruntime

    file = tiny_graph(tmp_path / "g.onnx", "fp16", 100)
    alone = onnxruntime.InferenceSession(str(file)).run(None, {"X": np.full((1, 64), 100, np.float16)})[0]
    assert np.isfinite(alone).all(), "if this fails, ONNX Runtime has FP16 kernels, and emulation is not needed"
    value, engine = run(file, "fp16", 100)
    assert value == np.inf
    overflow = first_overflow(engine.ranges(), "fp16")
    assert overflow
    assert (overflow.tensor, overflow.max_abs) == ("large", 640_000)
    assert describe(overflow) == "MatMul 'large' (engine, layer.weight)"


def test_bf16_holds_what_fp16_does_not(tmp_path: Path) -> None:
    value, engine = run(tiny_graph(tmp_path / "g.onnx", "bf16", 100), "bf16", 100)
    assert value == pytest.approx(640, rel=2**-7)
    assert first_overflow(engine.ranges(), "bf16") is None


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_every_step_is_rounded(tmp_path: Path, precision: str) -> None:
    half = onnx.helper.tensor_dtype_to_np_dtype(ONNX_TYPES[precision]).type
    value, _ = run(tiny_graph(tmp_path / "g.onnx", precision, 1.01), precision, 0.7)
    product = half(np.float32(half(np.float16(0.7))) * np.float32(half(1.01)) * 64)
    assert value == np.float32(half(np.float32(product) * np.float32(half(0.001))))
    assert value != np.float32(0.7) * np.float32(1.01) * 64 * np.float32(0.001)


@pytest.mark.parametrize(("weight", "near"), [(2.5, False), (2.6, True)])
def test_a_tensor_within_a_factor_of_four_is_named(tmp_path: Path, weight: float, near: bool) -> None:
    """64 products of 100 and the weight: 16,376 is a quarter of 65,504."""
    _, engine = run(tiny_graph(tmp_path / "g.onnx", "fp16", weight), "fp16", 100)
    assert [r.tensor for r in near_limit(engine.ranges(), "fp16")] == (["large"] if near else [])
    report = ranges_report(engine.ranges(), "fp16")
    assert report["near"] == (["large"] if near else [])
    assert report["tensors"][0]["tensor"] == "large"


def test_the_largest_of_several_runs_is_kept(tmp_path: Path) -> None:
    engine = EmulatedEngine("engine", tiny_graph(tmp_path / "g.onnx", "fp16", 1.0), "fp16")
    for value in (1.0, 3.0, 2.0):
        engine({"X": np.full((2, 64), value, np.float16)})
    assert {r.tensor: r.max_abs for r in engine.ranges()}["large"] == 192


def test_an_initializer_is_the_very_half_precision_value(tmp_path: Path) -> None:
    from builders.precision.half import emulate

    model, _ = emulate(onnx.load(tiny_graph(tmp_path / "g.onnx", "fp16", 0.1)), TensorProto.FLOAT16)
    weights = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert weights["layer.weight"].dtype == np.float32
    assert weights["layer.weight"][0, 0] == np.float32(np.float16(0.1))
