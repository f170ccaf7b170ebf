"""Weights of a language model as initializers of its graph.

Each matrix is stored once, as a product takes it ([in, out]), and those that read the same input are one matrix: a
compiler would join them itself, and keep both forms. Joining, transposing and casting wait until a file is written,
one matrix at a time, so that the weights are never in memory twice.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir
import torch
from onnx_ir.tensor_adapters import TorchTensor
from onnxscript import GraphBuilder, OpBuilder
from torch import Tensor

TORCH_TYPES = {
    ir.DataType.FLOAT: torch.float32,
    ir.DataType.FLOAT16: torch.float16,
    ir.DataType.BFLOAT16: torch.bfloat16,
}


@dataclass(frozen=True)
class Product:
    """A product with a matrix, and what is added to it."""

    matrix: ir.Value
    """[in, out]."""
    bias: ir.Value | None
    """[out]."""

    def __call__(self, op: OpBuilder, x: ir.Value) -> ir.Value:
        """[..., in] to [..., out]."""
        y = op.MatMul(x, self.matrix)
        return y if self.bias is None else op.Add(y, self.bias)


class Weights:
    """Adds initializers to a graph."""

    def __init__(self, builder: GraphBuilder, dtype: ir.DataType) -> None:
        """
        Args:
            dtype: of matrices; vectors of norms stay FP32.
        """
        self.builder, self.dtype = builder, dtype

    def product(self, name: str, *layers: Any) -> Product:
        """Join linear layers of the same input; their outputs lie side by side."""
        weights, biases = [layer.weight for layer in layers], [layer.bias for layer in layers]
        return self.product_of(name, weights, None if biases[0] is None else biases)

    def product_of(self, name: str, weights: list[Tensor], biases: list[Tensor] | None = None) -> Product:
        """Join matrices, each [out, in], and their biases, each [out]."""
        outputs = sum(weight.shape[0] for weight in weights)
        matrix = self._lazy(f"{name}.weight", (weights[0].shape[1], outputs), lambda: torch.cat(weights).T)
        bias = None if biases is None else self._lazy(f"{name}.bias", (outputs,), lambda: torch.cat(biases))
        return Product(matrix, bias)

    def table(self, name: str, weight: Tensor) -> ir.Value:
        """[rows, width], as it is."""
        return self._lazy(name, tuple(weight.shape), lambda: weight)

    def vector(self, name: str, values: Tensor) -> ir.Value:
        """Numbers that stay FP32, of any shape."""
        return self.builder.initializer(TorchTensor(values.detach().float().clone(), name=name), name, qualify=False)

    def _lazy(self, name: str, shape: tuple[int, ...], make: Callable[[], Tensor]) -> ir.Value:
        def made() -> ir.TensorProtocol:
            return TorchTensor(make().detach().to(TORCH_TYPES[self.dtype]).contiguous(), name=name)

        tensor = ir.LazyTensor(made, self.dtype, ir.Shape(shape), name=name)
        return self.builder.initializer(tensor, name, qualify=False)
