"""Weights of 8 bits: which matrices, how close, and where they are dequantised."""

from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from builders.precision.weights import WEIGHT_KINDS, WeightKind, quantize_weights

RANDOM = np.random.default_rng(3)
MATRIX = RANDOM.normal(size=(64, 32)).astype(np.float16)
MATRIX[:, 5] = 0
MATRIX[:, 6] *= 1000


def model(operator: str = "MatMul", *, in_loop: bool = False, **attributes: Any) -> onnx.ModelProto:
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT16, [200, 64])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT16, [200, 32])
    node = helper.make_node(operator, ["x", "w"], ["y"], **attributes)
    constants = [numpy_helper.from_array(MATRIX, "w"), numpy_helper.from_array(MATRIX[:3, :3], "small")]
    if in_loop:
        going = helper.make_tensor_value_info("going", TensorProto.BOOL, [])
        i = helper.make_tensor_value_info("i", TensorProto.INT64, [])
        body = helper.make_graph(
            [helper.make_node("Identity", ["c"], ["going"]), node],
            "body",
            [i, helper.make_tensor_value_info("c", TensorProto.BOOL, [])],
            [going, y],
        )
        node = helper.make_node("Loop", ["n", ""], ["ys"], body=body)
        constants.append(numpy_helper.from_array(np.array(1), "n"))
        y = helper.make_tensor_value_info("ys", TensorProto.FLOAT16, [1, 200, 32])
    graph = helper.make_graph([node], "g", [x], [y], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


@pytest.mark.parametrize(("kind", "error"), [("int8", 0.02), ("fp8", 0.04)])
def test_products_stay_close_whatever_a_columns_size(kind: WeightKind, error: float) -> None:
    graph = model()
    assert quantize_weights(graph, kind) == 1
    onnx.checker.check_model(graph, full_check=True)
    x = RANDOM.normal(size=(200, 64)).astype(np.float16)
    found: Any
    (found,) = ReferenceEvaluator(graph).run(None, {"x": x})
    expected = x.astype(np.float32) @ MATRIX.astype(np.float32)
    for column in range(32):
        norm = max(float(np.linalg.norm(expected[:, column])), 1e-6)
        assert np.linalg.norm(found[:, column] - expected[:, column]) / norm < error
    stored = {t.name: t for t in graph.graph.initializer}
    assert "w" not in stored
    assert stored[f"w/{kind}"].data_type == (TensorProto.INT8 if kind == "int8" else TensorProto.FLOAT8E4M3FN)
    assert stored["small"].data_type == TensorProto.FLOAT16


def test_a_loop_keeps_fp16_weights_under_int8() -> None:
    """TensorRT for RTX fails on them: see the module."""
    assert quantize_weights(model(in_loop=True), "int8") == 0
    assert quantize_weights(model(in_loop=True), "fp8") == 1


def test_matrices_that_several_products_share_keep_fp16_under_int8() -> None:
    graph = model()
    again = helper.make_node("MatMul", ["x", "w"], ["z"])
    graph.graph.node.append(again)
    assert quantize_weights(graph, "int8") == 0
    assert quantize_weights(graph, "fp8") == 1
    assert len({node.input[1] for node in graph.graph.node if node.op_type == "MatMul"}) == 1


def test_matrices_that_are_no_right_factor_stay() -> None:
    assert quantize_weights(model("Gemm", transB=0), "int8") == 1
    assert quantize_weights(model("Gemm", transB=1), "int8") == 0
    assert quantize_weights(model("Add"), "int8") == 0


def test_each_precision_has_its_kind() -> None:
    assert set(WEIGHT_KINDS.values()) == {"int8", "fp8"}
