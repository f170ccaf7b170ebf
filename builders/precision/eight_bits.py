"""Weight matrices in 8 bits, for ONNX Runtime on a CPU: of blocks of inputs, or of columns.

"blocks" (`MatMulNBits`): up to 128 inputs of one output share a scale, and the activations of a row are quantised block
by block as they come, so that a number that is far larger than the others harms its own block only, as language models
need. "columns" (`MatMulIntegerToFloat`): all inputs of one output share a scale, and all activations of a run; twice as
fast for many rows, as of an image encoder. Processors without VNNI have to be told to add up without overflow
(`session.x64quantprecision`).
"""

from collections.abc import Callable, Iterator
from typing import Literal

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

Style = Literal["blocks", "columns"]
_DOMAIN = "com.microsoft"
_ZERO, _LARGEST = 128, 127
_BLOCKS = (128, 64, 32)
"""Inputs of a block; the first that divides a matrix's is taken."""
_LEAST_SIDE = 32
_INT8_ACTIVATIONS = 4
"""`accuracy_level` of `MatMulNBits`: activations are quantised too."""


def quantize_matrices(model: ir.Model, style: Style) -> int:
    """Replace the products with constant matrices in place, those in loops too; a matrix that is shared stays so.

    The numbers are read when the model is saved, one matrix at a time.

    Returns:
        How many products were replaced.
    """
    known: dict[str, tuple[ir.Value, ir.Value]] = {}
    count = 0
    for graph in _graphs(model.graph):
        for node in list(graph):
            matrix = _constant_matrix(node)
            if matrix is None or (style == "blocks" and _block_of(matrix) is None):
                continue
            name = str(matrix.weight.name)
            if name not in known:
                known[name] = (_add_blocks if style == "blocks" else _add_columns)(model.graph, matrix)
            made = (_block_nodes if style == "blocks" else _column_nodes)(node, matrix, known[name])
            _replace(graph, node, made)
            count += 1
    if count:
        model.graph.opset_imports[_DOMAIN] = 1
        _remove_unused(model.graph)
    return count


class _Matrix:
    """A constant right factor: as it is stored, and whether that is [in, out] or [out, in]."""

    def __init__(self, weight: ir.Value, *, is_transposed: bool) -> None:
        self.weight, self.is_transposed = weight, is_transposed
        assert weight.const_value is not None
        first, second = (int(size) for size in weight.const_value.shape.numpy())
        self.inputs, self.outputs = (second, first) if is_transposed else (first, second)

    def by_output(self) -> NDArray[np.float32]:
        """[out, in]."""
        assert self.weight.const_value is not None
        values = self.weight.const_value.numpy().astype(np.float32)
        return values if self.is_transposed else np.ascontiguousarray(values.T)


def _constant_matrix(node: ir.Node) -> _Matrix | None:
    if node.op_type == "MatMul" and node.domain == "":
        weight = node.inputs[1]
        maker = weight.producer() if weight is not None else None
        if maker is not None and maker.op_type == "Transpose" and _is_matrix(maker.inputs[0]):
            assert maker.inputs[0] is not None
            return _Matrix(maker.inputs[0], is_transposed=True)
        if _is_matrix(weight):
            assert weight is not None
            return _Matrix(weight, is_transposed=False)
    is_plain = all(node.attributes[name].as_float() == 1 for name in ("alpha", "beta") if name in node.attributes)
    if node.op_type == "Gemm" and is_plain and "transB" in node.attributes and _is_matrix(node.inputs[1]):
        assert node.inputs[1] is not None
        return _Matrix(node.inputs[1], is_transposed=bool(node.attributes["transB"].as_int()))
    return None


def _is_matrix(value: ir.Value | None) -> bool:
    tensor = None if value is None else value.const_value
    return (
        value is not None
        and value.is_initializer()
        and tensor is not None
        and len(tensor.shape) == 2
        and min(tensor.shape.numpy()) >= _LEAST_SIDE
    )


def _block_of(matrix: _Matrix) -> int | None:
    return next((block for block in _BLOCKS if matrix.inputs % block == 0), None)


def _add_blocks(graph: ir.Graph, matrix: _Matrix) -> tuple[ir.Value, ir.Value]:
    """Add numbers, [out, blocks, block] uint8, and scales, [out · blocks] FP32, as initializers."""
    block = _block_of(matrix)
    assert block
    shape = (matrix.outputs, matrix.inputs // block, block)

    def scales() -> NDArray[np.float32]:
        return _scales(matrix.by_output().reshape(shape), 2, _LARGEST)

    def numbers() -> NDArray[np.uint8]:
        return (np.rint(matrix.by_output().reshape(shape) / scales()[:, :, None]) + _ZERO).astype(np.uint8)

    name = matrix.weight.name
    return (
        _lazy(graph, f"{name}.int8", ir.DataType.UINT8, shape, numbers),
        _lazy(graph, f"{name}.scale", ir.DataType.FLOAT, (shape[0] * shape[1],), lambda: scales().reshape(-1)),
    )


def _add_columns(graph: ir.Graph, matrix: _Matrix) -> tuple[ir.Value, ir.Value]:
    """Add numbers, [in, out] int8, and scales, [out] FP32, as initializers."""

    def scales() -> NDArray[np.float32]:
        return _scales(matrix.by_output(), 1, _LARGEST)

    def numbers() -> NDArray[np.int8]:
        return np.ascontiguousarray(np.rint(matrix.by_output() / scales()[:, None]).astype(np.int8).T)

    name = matrix.weight.name
    return (
        _lazy(graph, f"{name}.int8", ir.DataType.INT8, (matrix.inputs, matrix.outputs), numbers),
        _lazy(graph, f"{name}.scale", ir.DataType.FLOAT, (matrix.outputs,), scales),
    )


def _scales(values: NDArray[np.float32], axis: int, largest: int) -> NDArray[np.float32]:
    scales = np.abs(values).max(axis) / largest
    return np.where(scales > 0, scales, 1).astype(np.float32)


def _lazy(
    graph: ir.Graph, name: str, dtype: ir.DataType, shape: tuple[int, ...], make: Callable[[], NDArray[np.generic]]
) -> ir.Value:
    tensor = ir.LazyTensor(lambda: ir.tensor(make()), dtype, ir.Shape(shape), name=name)
    value = ir.Value(name=name, shape=tensor.shape, type=ir.TensorType(dtype), const_value=tensor)
    graph.register_initializer(value)
    return value


def _block_nodes(node: ir.Node, matrix: _Matrix, quantized: tuple[ir.Value, ir.Value]) -> list[ir.Node]:
    bias = _bias(node)
    inputs = [node.inputs[0], *quantized, *([] if bias is None else [None, None, bias])]
    sizes = {"K": matrix.inputs, "N": matrix.outputs, "bits": 8, "block_size": _block_of(matrix) or 0}
    attributes = [ir.AttrInt64(name, value) for name, value in {**sizes, "accuracy_level": _INT8_ACTIVATIONS}.items()]
    return [ir.Node(_DOMAIN, "MatMulNBits", inputs, attributes, num_outputs=1, name=f"{node.name}_int8")]


def _column_nodes(node: ir.Node, matrix: _Matrix, quantized: tuple[ir.Value, ir.Value]) -> list[ir.Node]:
    dynamic = ir.Node("", "DynamicQuantizeLinear", [node.inputs[0]], num_outputs=3, name=f"{node.name}_activations")
    for value, what in zip(dynamic.outputs, ("numbers", "scale", "zero"), strict=True):
        value.name = f"{node.name}_{what}"
    numbers, scale, zero = dynamic.outputs
    bias = _bias(node)
    inputs = [numbers, quantized[0], scale, quantized[1], zero, *([] if bias is None else [None, bias])]
    return [dynamic, ir.Node(_DOMAIN, "MatMulIntegerToFloat", inputs, num_outputs=1, name=f"{node.name}_int8")]


def _bias(node: ir.Node) -> ir.Value | None:
    return node.inputs[2] if node.op_type == "Gemm" and len(node.inputs) > 2 else None


def _replace(graph: ir.Graph, node: ir.Node, made: list[ir.Node]) -> None:
    old, new = node.outputs[0], made[-1].outputs[0]
    new.name, new.type, new.shape = old.name, old.type, old.shape
    graph.insert_before(node, made)
    old.replace_all_uses_with(new, replace_graph_outputs=True)
    graph.remove(node, safe=True)


def _remove_unused(graph: ir.Graph) -> None:
    for node in reversed(list(graph)):
        if node.op_type == "Transpose" and not any(value.uses() or value.is_graph_output() for value in node.outputs):
            graph.remove(node, safe=True)
    for name, value in list(graph.initializers.items()):
        if not value.uses():
            del graph.initializers[name]


def _graphs(graph: ir.Graph) -> Iterator[ir.Graph]:
    yield graph
    for node in graph:
        for attribute in node.attributes.values():
            if attribute.type == ir.AttributeType.GRAPH:
                yield from _graphs(attribute.as_graph())
