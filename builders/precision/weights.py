"""Weights in INT8 or FP8, matrix products in FP16: a plan of half the size, with the arithmetic that it had.

Each weight matrix becomes 8 bits with a scale a column, and a `DequantizeLinear` node in front of its products, which
TensorRT's parser reads as quantisation of weights. Whether that is faster is for a GPU to say. In a loop's body,
and where steps that are written out share a matrix, TensorRT for RTX 1.7.1 compiles FP8 weights and fails on INT8 ones:
under INT8, those keep FP16.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Literal

import ml_dtypes
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import AttributeProto, GraphProto, ModelProto, NodeProto, TensorProto, helper, numpy_helper

WeightKind = Literal["int8", "fp8"]
WEIGHT_KINDS: dict[str, WeightKind] = {"int8-weights": "int8", "fp8-weights": "fp8"}
"""By the precision that a build is asked for."""
_LARGEST_FP8 = 448.0  # of E4M3
_LEAST_SIDE = 32
"""Rows and columns of a matrix that is worth a scale."""


def quantize_weights(model: ModelProto, kind: WeightKind) -> int:
    """Replace the FP16 weight matrices of matrix products in place.

    Args:
        model: with its weights inside.

    Returns:
        How many matrices there were.
    """
    graph = model.graph
    matrices = _matrices(graph, {t.name for t in graph.initializer if _is_matrix(t)}, kind)
    nodes = []
    for tensor in [t for t in graph.initializer if t.name in matrices]:
        values, scale = _quantize(numpy_helper.to_array(tensor).astype(np.float32), kind)
        names = [f"{tensor.name}/{kind}", f"{tensor.name}/scale"]
        nodes.append(helper.make_node("DequantizeLinear", names, [f"{tensor.name}/half"], axis=1))
        graph.initializer.append(_tensor(names[0], values, kind))
        graph.initializer.append(numpy_helper.from_array(scale.astype(np.float16), names[1]))
        graph.initializer.remove(tensor)
    _rename(graph, {name: f"{name}/half" for name in matrices})
    others = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *others])
    return len(matrices)


def _is_matrix(tensor: TensorProto) -> bool:
    return tensor.data_type == TensorProto.FLOAT16 and len(tensor.dims) == 2 and min(tensor.dims) >= _LEAST_SIDE


def _matrices(graph: GraphProto, candidates: set[str], kind: WeightKind) -> set[str]:
    """Find the candidates that are the right factor of a product; for INT8, those of one product outside loops."""
    outside = Counter(_factors(graph, candidates))
    inside = {name for body in _bodies(graph) for name in _matrices(body, candidates, "fp8")}
    if kind == "fp8":
        return set(outside) | inside
    return {name for name, count in outside.items() if count == 1} - inside


def _factors(graph: GraphProto, candidates: set[str]) -> Iterator[str]:
    for node in graph.node:
        if node.op_type in ("MatMul", "Gemm") and node.input[1] in candidates and not _is_transposed(node):
            yield node.input[1]


def _bodies(graph: GraphProto) -> Iterator[GraphProto]:
    for node in graph.node:
        yield from (attribute.g for attribute in node.attribute if attribute.type == AttributeProto.GRAPH)


def _is_transposed(node: NodeProto) -> bool:
    return any(attribute.name == "transB" and attribute.i for attribute in node.attribute)


def _rename(graph: GraphProto, names: dict[str, str]) -> None:
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        for attribute in node.attribute:
            if attribute.type == AttributeProto.GRAPH:
                _rename(attribute.g, names)


def _quantize(weights: NDArray[np.float32], kind: WeightKind) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scale each column to the range of the type; a column of zeros keeps a scale of 1."""
    largest = 127.0 if kind == "int8" else _LARGEST_FP8
    scale = np.abs(weights).max(axis=0) / largest
    scale = np.where(scale > 0, scale, 1).astype(np.float16).astype(np.float32)  # as it is stored
    return weights / np.maximum(scale, np.finfo(np.float16).tiny), scale


def _tensor(name: str, values: NDArray[np.float32], kind: WeightKind) -> TensorProto:
    if kind == "int8":
        return numpy_helper.from_array(np.clip(np.rint(values), -127, 127).astype(np.int8), name)
    eight_bits = np.clip(values, -_LARGEST_FP8, _LARGEST_FP8).astype(ml_dtypes.float8_e4m3fn)
    tensor = onnx.TensorProto(name=name, data_type=TensorProto.FLOAT8E4M3FN, dims=values.shape)
    tensor.raw_data = eight_bits.tobytes()
    return tensor
