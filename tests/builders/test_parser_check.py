"""The check that comes before TensorRT's parser: our graphs pass, each forbidden thing is named."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from builders.tensorrt.parser_check import parser_problems

F, I64, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL


def info(name: str, kind: int = F, shape: tuple[int, ...] = (2, 3)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def constant(name: str, *values: int) -> onnx.TensorProto:
    return helper.make_tensor(name, I64, [len(values)], values)


def model(
    nodes: list[onnx.NodeProto],
    inputs: list[onnx.ValueInfoProto],
    constants: tuple[onnx.TensorProto, ...] = (),
    opset: int = 20,
) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "g", inputs, [helper.make_empty_tensor_value_info(nodes[-1].output[0])], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])


def loop(
    *, trip: str = "n", scan: bool = False, after: tuple[int, ...] = (2, 3), operator: str = "Abs"
) -> onnx.ModelProto:
    outputs = [info("going", B, ()), info("y", F, after), *([info("each", F, (3,))] if scan else [])]
    nodes = [helper.make_node("Identity", ["c"], ["going"]), helper.make_node(operator, ["x"], ["y"])]
    if scan:
        nodes.append(helper.make_node("Identity", ["row"], ["each"]))
    body = helper.make_graph(nodes, "body", [info("i", I64, ()), info("c", B, ()), info("x")], outputs)
    node = helper.make_node("Loop", [trip, "c0", "x0"], ["x1", *(["all"] if scan else [])], body=body)
    inputs = [info("c0", B, ()), info("x0"), info("row", F, (3,)), info("free", I64, ())]
    return model([node], inputs, (helper.make_tensor("n", I64, [], [8]),))


x, flags = [info("x")], [info("x", B)]
# ruff: noqa: E501  a row a line
REFUSED = {
    "an operator it lacks": (model([helper.make_node("BitwiseNot", ["x"], ["y"])], [info("x", I64)]), "does not take this"),
    "strings": (model([helper.make_node("StringConcat", ["x", "x"], ["y"])], [info("x", TensorProto.STRING)]), "does not"),
    "Equal of BOOL": (model([helper.make_node("Equal", ["x", "x"], ["y"])], flags), "is BOOL"),
    "UINT8 beyond a Cast": (model([helper.make_node("Add", ["x", "x"], ["y"])], [info("x", TensorProto.UINT8)]), "UINT8"),
    "axes that are computed": (
        model([helper.make_node("ReduceSum", ["x", "a"], ["y"])], [*x, info("a", I64, (1,))]), "axes must be"
    ),
    "a second output of LayerNormalization": (
        model([helper.make_node("LayerNormalization", ["x", "s"], ["y", "mean"])], [*x, info("s", F, (3,))]), "first output"
    ),
    "TopK unsorted": (
        model([helper.make_node("TopK", ["x", "k"], ["y", "i"], sorted=0)], x, (constant("k", 2),)), "sorted must be 1"
    ),
    "TopK of too many": (model([helper.make_node("TopK", ["x", "k"], ["y", "i"])], x, (constant("k", 3840),)), "3840"),
    "ScatterND that adds": (
        model([helper.make_node("ScatterND", ["x", "k", "u"], ["y"], reduction="add")], [*x, info("k", I64, (1, 1)),
              info("u", F, (1, 3))]), "reduction"
    ),
    "an old opset": (model([helper.make_node("Abs", ["x"], ["y"])], x, opset=8), "opset 8"),
    "a loop without a bound": (loop(trip=""), "trip count"),
    "a loop whose bound is computed": (loop(trip="free"), "trip count"),
    "a scan output": (loop(scan=True), "scan outputs"),
    "a carried tensor that grows": (loop(after=(2, 4)), "changes its shape"),
    "a forbidden operator in a loop's body": (loop(operator="Det"), "in Loop"),
}  # fmt: skip


@pytest.mark.parametrize("sentence", REFUSED)
def test_refused(sentence: str) -> None:
    graph, words = REFUSED[sentence]
    problems = parser_problems(graph)
    assert any(words in problem for problem in problems), problems


def test_a_sound_loop_passes() -> None:
    assert parser_problems(loop()) == []


@pytest.mark.parametrize("engine", ["image_encoder", "answer_decoder"])
def test_our_graphs_pass(repository: Path, engine: str) -> None:
    assert parser_problems(onnx.load(repository / engine / "1" / "model.onnx")) == []
