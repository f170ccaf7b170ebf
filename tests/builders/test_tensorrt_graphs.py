"""Every graph that the builder can write, parsed and compiled by the real TensorRT, and held to its config."""

from itertools import product
from pathlib import Path

import onnx
import pytest
from google.protobuf import text_format
from onnx import TensorProto, helper
from tritonclient.grpc import model_config_pb2

from builders.dimensions import BatchRange
from builders.engine_spec import ANSWER_DECODER, ANSWER_SCORER, ENGINES, IMAGE_ENCODER
from builders.errors import BuildError
from builders.options import PRECISIONS
from builders.repository.configs import ServingConfig, adapt_config
from builders.repository.source import SOURCE, read_config
from builders.tensorrt.plan_options import PlanOptions
from tests.helpers.graphs import Graphs, SmallModel, dimensions_of, spec_of
from tests.helpers.system import require_tensorrt_rtx

SMALL = SmallModel()
F, I64, B = TensorProto.FLOAT, TensorProto.INT64, TensorProto.BOOL
STEPS = {"loop": 7, "unrolled": 3}
"""Tokens of the longest answer; each step that is written out is a second of export."""
BATCHES = (BatchRange(1, 1), BatchRange(2, 4))
PRECISION = ("fp32", *PRECISIONS["tensorrt-rtx"])
COMBINATIONS = [
    *product((IMAGE_ENCODER, ANSWER_SCORER), ("loop",), PRECISION, (1,)),  # which decode nothing
    *product((ANSWER_DECODER,), ("loop",), PRECISION, (1, 5)),
    # Steps written out take their time to export.
    *(
        pytest.param(ANSWER_DECODER, "unrolled", precision, answers, marks=pytest.mark.night)
        if (precision, answers) != ("fp16", 5)
        else (ANSWER_DECODER, "unrolled", precision, answers)
        for precision, answers in product(PRECISION, (1, 5))
    ),
]


@pytest.fixture(autouse=True, scope="module")
def compiler() -> None:
    require_tensorrt_rtx()
    from builders.tensorrt import api

    api.use_tensorrt_rtx()


def config_of(name: str, strategy: str, answers: int, batch: BatchRange) -> model_config_pb2.ModelConfig:
    dimensions = dimensions_of(SMALL, answers, STEPS[strategy])
    serving = ServingConfig("tensorrt_rtx", batch)
    specs = {name: spec_of(name, dimensions, strategy) for name in ENGINES}
    return adapt_config(read_config(SOURCE / name / "config.pbtxt"), dimensions, serving, specs)


@pytest.mark.parametrize(("name", "strategy", "precision", "answers"), COMBINATIONS)
def test_a_graph_compiles_to_what_its_config_says(
    graphs: Graphs, tmp_path: Path, name: str, strategy: str, precision: str, answers: int
) -> None:
    from builders.tensorrt.plan import build_plan
    from builders.tensorrt.tensors import require_config

    graph = graphs.file(name, SMALL, answers, strategy, precision, STEPS[strategy])
    spec = spec_of(name, dimensions_of(SMALL, answers, STEPS[strategy]), strategy)
    for batch in BATCHES if not spec.one_at_a_time else BATCHES[:1]:
        plan = tmp_path / f"{batch.max}.plan"
        tensors = build_plan(
            graph,
            plan,
            batch=batch,
            variable=spec.variable_axes(),
            options=PlanOptions(),
            compute_capabilities=("89",),
        )
        assert plan.stat().st_size > 10_000
        require_config(tensors, config_of(name, strategy, answers, batch))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('name: "PIXELS" data_type: TYPE_INT8 dims: [ 32, 32, 3 ]', r"input PIXELS is TYPE_UINT8 \[32, 32, 3\]"),
        ('name: "PIXELS" data_type: TYPE_UINT8 dims: [ 32, 33, 3 ]', r"TYPE_UINT8 \[32, 33, 3\] in the config"),
        ('name: "PHOTO" data_type: TYPE_UINT8 dims: [ 32, 32, 3 ]', "input PHOTO is in one of them only; input PIXELS"),
    ],
)
def test_another_config_is_refused(graphs: Graphs, change: str, words: str) -> None:
    from builders.tensorrt.api import trt
    from builders.tensorrt.plan import parse_graph
    from builders.tensorrt.tensors import describe_tensors, require_config
    from vitrine_steps.triton.tensorrt_log import log_of

    builder = trt.Builder(log_of(trt))
    network = parse_graph(builder, graphs.file(IMAGE_ENCODER, SMALL, answer_tokens=STEPS["loop"]))
    tensors = describe_tensors(network, BATCHES[1], {})
    config = config_of(IMAGE_ENCODER, "loop", 1, BATCHES[1])
    require_config(tensors, config)
    config.input[0].Clear()
    text_format.Parse(change, config.input[0])
    with pytest.raises(BuildError, match=rf"plan of image_encoder is not what its config says: .*{words}"):
        require_config(tensors, config)
    with pytest.raises(BuildError, match=r"the plan takes \[4\] rows, the config 1"):
        require_config(tensors, config_of(IMAGE_ENCODER, "loop", 1, BATCHES[0]))


def info(name: str, kind: int = F, shape: tuple[int, ...] = (2, 3)) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, kind, list(shape))


def model(node: onnx.NodeProto, inputs: list[onnx.ValueInfoProto], output: int = F) -> onnx.ModelProto:
    graph = helper.make_graph([node], "g", inputs, [info(node.output[0], output)])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])


def loop_with(operator: str) -> onnx.ModelProto:
    nodes = [helper.make_node("Identity", ["c"], ["going"]), helper.make_node(operator, ["x"], ["y"], name="inside")]
    body = helper.make_graph(
        nodes, "body", [info("i", I64, ()), info("c", B, ()), info("x")], [info("going", B, ()), info("y")]
    )
    node = helper.make_node("Loop", ["n", "c0", "x0"], ["x1"], body=body)
    return model(node, [info("n", I64, ()), info("c0", B, ()), info("x0")])


x = [info("x")]
# ruff: noqa: E501  a row a line
REFUSED = {
    "an operator it lacks": (model(helper.make_node("BitwiseNot", ["x"], ["y"], name="n"), [info("x", I64)], I64), "BitwiseNot 'n'"),
    "an operator it lacks, in a loop's body": (loop_with("Det"), "Det 'inside'"),
    "strings": (model(helper.make_node("StringConcat", ["x", "x"], ["y"], name="n"), [info("x", TensorProto.STRING)], TensorProto.STRING), "StringConcat 'n'"),
    "UINT8 beyond a Cast": (model(helper.make_node("Add", ["x", "x"], ["y"], name="n"), [info("x", TensorProto.UINT8)], TensorProto.UINT8), "Add 'n'"),
    "axes that are computed": (model(helper.make_node("ReduceSum", ["x", "a"], ["y"], name="n"), [*x, info("a", I64, (1,))]), "ReduceSum 'n'.*build-time constant"),
    "a second output of LayerNormalization": (
        model(helper.make_node("LayerNormalization", ["x", "s"], ["y", "mean"], name="n"), [*x, info("s", F, (3,))]), "LayerNormalization 'n'"
    ),
    "ScatterND that adds": (
        model(helper.make_node("ScatterND", ["x", "k", "u"], ["y"], name="n", reduction="add"), [*x, info("k", I64, (1, 1)), info("u", F, (1, 3))]),
        "ScatterND 'n'.*reduction is not supported",
    ),
}  # fmt: skip


@pytest.mark.parametrize("thing", REFUSED)
def test_what_the_parser_refuses_is_named(tmp_path: Path, thing: str) -> None:
    from builders.tensorrt.api import trt
    from builders.tensorrt.plan import parse_graph
    from vitrine_steps.triton.tensorrt_log import log_of

    graph, words = REFUSED[thing]
    file = tmp_path / "odd_engine" / "model.onnx"
    file.parent.mkdir()
    onnx.save_model(graph, str(file))
    with pytest.raises(BuildError, match=rf"TensorRT's parser refuses odd_engine: .*{words}(.|\n)*; write that part"):
        parse_graph(trt.Builder(log_of(trt)), file)


def test_sound_loops_are_taken(tmp_path: Path) -> None:
    from builders.tensorrt.api import trt
    from builders.tensorrt.plan import parse_graph
    from vitrine_steps.triton.tensorrt_log import log_of

    file = tmp_path / "model.onnx"
    onnx.save_model(loop_with("Abs"), str(file))
    assert parse_graph(trt.Builder(log_of(trt)), file).num_outputs == 1
