"""Holds a graph against the rules of TensorRT's parser, loop bodies included."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, numpy_helper

from builders.tensorrt.parser_rules import MAX_OPSET_WITH_LOOP, MAX_TOPK, OPSETS, REDUCTIONS, SUPPORTED_TYPES


@dataclass(frozen=True)
class _Scope:
    """What is known of the tensors that a graph can see, its outer graphs' included."""

    types: dict[str, int] = field(default_factory=dict)
    constants: dict[str, TensorProto] = field(default_factory=dict)
    in_loop: bool = False


def parser_problems(model: ModelProto) -> list[str]:
    """Everything in `model` that TensorRT's parser would refuse, a sentence each; none when it is fine."""
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    problems = [] if opset in OPSETS else [f"opset {opset}: the parser takes {OPSETS.start} to {OPSETS.stop - 1}"]
    if opset > MAX_OPSET_WITH_LOOP and any(node.op_type == "Loop" for node in model.graph.node):
        problems.append(f"opset {opset} with a Loop: export with {MAX_OPSET_WITH_LOOP} or less")
    inferred = onnx.shape_inference.infer_shapes(model)
    return problems + list(_graph_problems(inferred.graph, _Scope()))


def _graph_problems(graph: GraphProto, outer: _Scope) -> Iterator[str]:
    types = {v.name: v.type.tensor_type.elem_type for v in (*graph.input, *graph.value_info, *graph.output)}
    constants = {tensor.name: tensor for tensor in graph.initializer}
    constants |= {
        node.output[0]: attribute.t
        for node in graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    }
    types |= {name: tensor.data_type for name, tensor in constants.items()}
    scope = replace(outer, types=outer.types | types, constants=outer.constants | constants)
    for node in graph.node:
        where = f"{node.op_type} '{node.name}'"
        for problem in _node_problems(node, scope):
            yield f"{where}: {problem}"
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                inside = replace(scope, in_loop=scope.in_loop or node.op_type == "Loop")
                for problem in _graph_problems(attribute.g, inside):
                    yield f"in {where}: {problem}"


def _node_problems(node: NodeProto, scope: _Scope) -> Iterator[str]:
    supported = SUPPORTED_TYPES.get(node.op_type)
    if supported is None or node.domain not in ("", "ai.onnx"):
        yield "the parser does not take this operator"
        return
    for name in node.input:
        kind = scope.types.get(name, 0)
        if kind and kind not in supported:
            yield f"tensor '{name}' is {TensorProto.DataType.Name(kind)}, which it does not take"
    attributes = {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}
    if node.op_type in REDUCTIONS and len(node.input) > 1 and node.input[1] and node.input[1] not in scope.constants:
        yield "axes must be an initializer"
    if node.op_type == "LayerNormalization" and any(node.output[1:]):
        yield "only the first output is supported"
    if node.op_type == "ScatterND" and attributes.get("reduction", b"none") != b"none":
        yield "reduction other than none"
    if node.op_type == "TopK":
        yield from _topk_problems(node, attributes, scope)
    if node.op_type == "Loop":
        yield from _loop_problems(node, attributes["body"], scope)


def _topk_problems(node: NodeProto, attributes: dict[str, object], scope: _Scope) -> Iterator[str]:
    if attributes.get("sorted", 1) != 1:
        yield "sorted must be 1"
    count = scope.constants.get(node.input[1])
    if count is None:
        yield "K must be a constant"
    elif (k := int(numpy_helper.to_array(count).item())) > MAX_TOPK:
        yield f"K is {k}, more than {MAX_TOPK}"


def _loop_problems(node: NodeProto, body: GraphProto, scope: _Scope) -> Iterator[str]:
    if scope.in_loop:
        yield "a Loop inside a Loop"
    if not node.input[0] or node.input[0] not in scope.constants:
        yield "the trip count must be a constant"
    carried = len(node.input) - 2
    if len(body.output) - 1 > carried:
        yield f"{len(body.output) - 1 - carried} scan outputs; carry a buffer of full length instead"
    for before, after in zip(body.input[2:], body.output[1 : carried + 1], strict=False):
        shapes = [
            [d.dim_value for d in v.type.tensor_type.shape.dim if d.HasField("dim_value")] for v in (before, after)
        ]
        if all(v.type.tensor_type.HasField("shape") for v in (before, after)) and shapes[0] != shapes[1]:
            yield f"carried '{before.name}' changes its shape from {shapes[0]} to {shapes[1]}"
