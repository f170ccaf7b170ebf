"""What a half-precision graph computes, on a machine without half-precision arithmetic.

ONNX Runtime's CPU kernels take FP16 graphs, but compute runs of operators in
FP32 and round only at the ends (an FP16 product of 640,000 came out as 640,000
and not as infinity). So the graph is rewritten: every operator in FP32, and
every half-precision tensor rounded through its type by two casts, which ONNX
Runtime keeps. That is what a GPU with FP32 accumulators computes, up to the
order of sums; and it works for bfloat16, which has no CPU kernels at all.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

HALF_TYPES = {
    "fp16": TensorProto.FLOAT16,
    "bf16": TensorProto.BFLOAT16,
    "int8-weights": TensorProto.FLOAT16,
    "fp8-weights": TensorProto.FLOAT16,
}
# Only move values, which are rounded already.
_MOVING = frozenset(
    ("Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Squeeze", "Transpose", "Unsqueeze")
)


@dataclass(frozen=True)
class RoundedTensor:
    """A tensor that the graph holds in half precision."""

    name: str
    operator: str
    weights: tuple[str, ...]
    """Initializers that the operator reads: they tell where in the model it is."""
    output: str
    """Of the rewritten graph: the largest absolute value before rounding, FP32."""
    in_loop: bool


def emulate(model: ModelProto, half: int) -> tuple[ModelProto, list[RoundedTensor]]:
    """`model` in FP32 with every tensor of type `half` rounded to it, and the range of each as an output.

    Args:
        model: with its weights inside; batch axis dynamic.
        half: `TensorProto.FLOAT16` or `TensorProto.BFLOAT16`.

    Returns:
        The rewritten model, its own inputs and outputs first and of their own
        types, and its rounded tensors in the order of their computation.
    """
    inferred = onnx.shape_inference.infer_shapes(model)
    rewriter = _Rewriter(half)
    graph = inferred.graph
    boundary_in = {v.name for v in graph.input if v.type.tensor_type.elem_type == half}
    boundary_out = {v.name for v in graph.output if v.type.tensor_type.elem_type == half}
    rewriter.rewrite(graph)
    first = [helper.make_node("Cast", [_outside(name)], [name], to=TensorProto.FLOAT) for name in boundary_in]
    last = [helper.make_node("Cast", [name], [_outside(name)], to=half) for name in boundary_out]
    nodes = [*first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)
    # The outside names must be the model's own: swap them with the inner ones.
    _rename(graph, {name: f"{name}/fp32" for name in boundary_in | boundary_out})
    _rename(graph, {_outside(name): name for name in boundary_in | boundary_out})
    for rounded in rewriter.rounded:
        graph.output.append(helper.make_tensor_value_info(rounded.output, TensorProto.FLOAT, []))
    del graph.value_info[:]
    return inferred, rewriter.rounded


def _outside(name: str) -> str:
    return f"{name}/outside"


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                _rename(attribute.g, names)


class _Rewriter:
    def __init__(self, half: int) -> None:
        self._half = half
        self._half_tensors: set[str] = set()
        self._weights: set[str] = set()
        self.rounded: list[RoundedTensor] = []

    def rewrite(self, graph: GraphProto, *, in_loop: bool = False) -> list[RoundedTensor]:
        """Rewrite in place; returns the tensors rounded here, ranges among the graph's tensors."""
        self._learn(graph)
        mine: list[RoundedTensor] = []
        nodes: list[NodeProto] = []
        for node in list(graph.node):
            if node.op_type == "Loop":
                nodes += self._with_loop(node)
            else:
                nodes += self._with_rounding(node, mine, in_loop=in_loop)
        del graph.node[:]
        graph.node.extend(nodes)
        return mine

    def _learn(self, graph: GraphProto) -> None:
        """Take note of the half-precision tensors, and make the graph's own declarations FP32."""
        boundary = {} if not graph.initializer else {v.name: v for v in (*graph.input, *graph.output)}
        for value in (*graph.input, *graph.output, *graph.value_info):
            if value.type.tensor_type.elem_type == self._half:
                self._half_tensors.add(value.name)
                if value.name not in boundary:
                    value.type.tensor_type.elem_type = TensorProto.FLOAT
        for tensor in graph.initializer:
            self._weights.add(tensor.name)
            if tensor.data_type == self._half:
                self._half_tensors.add(tensor.name)
                tensor.CopyFrom(_fp32(tensor))

    def _with_rounding(self, node: NodeProto, mine: list[RoundedTensor], *, in_loop: bool) -> list[NodeProto]:
        for attribute in node.attribute:
            if attribute.type == AttributeProto.TENSOR and attribute.t.data_type == self._half:
                attribute.t.CopyFrom(_fp32(attribute.t))
        is_half_cast = node.op_type == "Cast" and helper.get_node_attr_value(node, "to") == self._half
        if is_half_cast:
            next(a for a in node.attribute if a.name == "to").i = TensorProto.FLOAT
        if node.op_type in _MOVING or node.op_type in ("Constant", "ConstantOfShape"):
            return [node]
        nodes = [node]
        for position, name in enumerate(node.output):
            if name not in self._half_tensors:
                continue
            exact = f"{name}/exact"
            node.output[position] = exact
            rounded = RoundedTensor(
                name=name,
                operator=node.op_type,
                weights=tuple(w for w in node.input if w in self._weights),
                output=f"{name}/range",
                in_loop=in_loop,
            )
            nodes += [
                helper.make_node("Cast", [exact], [f"{name}/half"], to=self._half),
                helper.make_node("Cast", [f"{name}/half"], [name], to=TensorProto.FLOAT),
                helper.make_node("Abs", [exact], [f"{name}/abs"]),
                helper.make_node("ReduceMax", [f"{name}/abs"], [rounded.output], keepdims=0),
            ]
            mine.append(rounded)
            self.rounded.append(rounded)
        return nodes

    def _with_loop(self, loop: NodeProto) -> list[NodeProto]:
        """Ranges inside come out of the loop as scan outputs, and are brought together after it."""
        body = next(a for a in loop.attribute if a.name == "body").g
        nodes = [loop]
        for rounded in self.rewrite(body, in_loop=True):
            body.output.append(helper.make_tensor_value_info(rounded.output, TensorProto.FLOAT, []))
            scanned = f"{rounded.output}/steps"
            loop.output.append(scanned)
            nodes.append(helper.make_node("ReduceMax", [scanned], [rounded.output], keepdims=0))
        return nodes


def _fp32(tensor: TensorProto) -> TensorProto:
    return numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name)
