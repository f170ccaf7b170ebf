"""The ONNX files themselves: weights once, a bounded loop, nothing of the machine that made them."""

from pathlib import Path

import onnx
import pytest

from tests.helpers.graphs import ANSWER_TOKENS, Graphs, SmallModel, all_graphs

SMALL = SmallModel()
KINDS = ("encoder", "loop", "unrolled")


def graph_file(graphs: Graphs, kind: str) -> Path:
    return graphs.encoder_file(SMALL) if kind == "encoder" else graphs.decoder_file(SMALL, 4, kind)


@pytest.mark.parametrize("kind", KINDS)
def test_every_weight_is_stored_once(graphs: Graphs, kind: str) -> None:
    parts = all_graphs(onnx.load(graph_file(graphs, kind)).graph)
    weights = [tensor.raw_data for graph in parts for tensor in graph.initializer if len(tensor.raw_data) > 500]
    # Norms start as all ones, so alike by right; matrices are drawn at random.
    matrices = [data for data in weights if len(set(data)) > 8]
    assert matrices
    assert len(set(matrices)) == len(matrices)


@pytest.mark.parametrize("kind", KINDS)
def test_no_path_of_this_machine_is_inside(graphs: Graphs, kind: str) -> None:
    data = graph_file(graphs, kind).read_bytes()
    assert b"site-packages" not in data
    assert b".py" not in data


def test_the_loop_has_a_constant_bound_and_carries_no_scan_output(graphs: Graphs) -> None:
    model = onnx.load(graph_file(graphs, "loop"))
    (loop,) = [node for node in model.graph.node if node.op_type == "Loop"]
    bound = next(tensor for tensor in model.graph.initializer if tensor.name == loop.input[0])
    assert onnx.numpy_helper.to_array(bound) == ANSWER_TOKENS
    body = loop.attribute[0].g
    assert len(body.output) - 1 == len(loop.input) - 2, "every output but the condition is carried"


def test_unrolled_steps_have_no_control_flow(graphs: Graphs) -> None:
    model = onnx.load(graph_file(graphs, "unrolled"))
    assert all_graphs(model.graph) == [model.graph]
