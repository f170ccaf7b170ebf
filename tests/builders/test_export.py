"""The ONNX files themselves: weights once, a bounded loop, nothing of the machine that made them."""

from pathlib import Path

import onnx
import pytest

from builders.tensorrt.parser_check import parser_problems
from tests.builders.test_graphs import engines
from training.random_checkpoint import Geometry, random_blip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    model = random_blip(Geometry(), seed=2)
    engines(model, folder, answers=2)
    (folder / "unrolled").mkdir()
    engines(model, folder / "unrolled", 2, "unrolled")
    return folder


def all_graphs(graph: onnx.GraphProto) -> list[onnx.GraphProto]:
    inner = [a.g for node in graph.node for a in node.attribute if a.type == onnx.AttributeProto.GRAPH]
    return [graph, *(deeper for one in inner for deeper in all_graphs(one))]


@pytest.mark.parametrize("file", ["e.onnx", "d.onnx", "unrolled/d.onnx"])
def test_every_weight_is_stored_once(folder: Path, file: str) -> None:
    graphs = all_graphs(onnx.load(folder / file).graph)
    weights = [tensor.raw_data for graph in graphs for tensor in graph.initializer if len(tensor.raw_data) > 500]
    # Norms start as all ones, so alike by right; matrices are drawn at random.
    matrices = [data for data in weights if len(set(data)) > 8]
    assert matrices
    assert len(set(matrices)) == len(matrices)


@pytest.mark.parametrize("file", ["e.onnx", "d.onnx"])
def test_no_path_of_this_machine_is_inside(folder: Path, file: str) -> None:
    data = (folder / file).read_bytes()
    assert b"site-packages" not in data
    assert b".py" not in data


def test_the_loop_has_a_constant_bound_and_carries_no_scan_output(folder: Path) -> None:
    model = onnx.load(folder / "d.onnx")
    (loop,) = [node for node in model.graph.node if node.op_type == "Loop"]
    bound = next(tensor for tensor in model.graph.initializer if tensor.name == loop.input[0])
    assert onnx.numpy_helper.to_array(bound) == 7
    body = loop.attribute[0].g
    assert len(body.output) - 1 == len(loop.input) - 2, "every output but the condition is carried"


def test_unrolled_steps_have_no_control_flow(folder: Path) -> None:
    model = onnx.load(folder / "unrolled" / "d.onnx")
    assert all_graphs(model.graph) == [model.graph]
    assert parser_problems(model) == []


def test_the_opset_is_one_that_tensorrt_can_build_in_a_loop(folder: Path) -> None:
    for file in ("e.onnx", "d.onnx"):
        (opset,) = [entry.version for entry in onnx.load(folder / file).opset_import if entry.domain == ""]
        assert 18 <= opset <= 22
