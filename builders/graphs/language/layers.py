"""The pieces of a decoder-only language model, written as ONNX nodes.

Such a graph has axes in every order and three sizes that each request decides; written node by node, its export takes
seconds, where tracing it takes minutes (docs/adr/0025-language-models-written-node-by-node.md).

Axes: D width, J key heads, G query heads of one, W width of a head, R rotated part of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import OpBuilder

from builders.graphs.language.weights import Product, Weights

MASKED = -1e9
"""Added to FP32 scores of what may not be seen; such models' scores can reach thousands."""
FLOAT = ir.DataType.FLOAT


@contextmanager
def arithmetic(op: OpBuilder) -> Iterator[None]:
    """Let + - * of values be nodes of this graph."""
    before = ir.set_value_magic_handler(op)
    try:
        yield
    finally:
        ir.set_value_magic_handler(before)


@dataclass(frozen=True)
class Heads:
    keys: int
    """J: heads of keys and values."""
    queries_a_key: int
    """G: query heads that share one of them."""
    width: int
    """W."""

    @staticmethod
    def of(config: Any) -> "Heads":
        """Read them off a text configuration of transformers."""
        width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        keys = config.num_key_value_heads
        return Heads(keys, config.num_attention_heads // keys, width)


@dataclass(frozen=True)
class Norm:
    """Division by the root of the mean square, in FP32; the result has the type of what came."""

    weight: ir.Value
    """FP32, as wide as what it normalises."""
    epsilon: float

    def __call__(self, op: OpBuilder, x: ir.Value) -> ir.Value:
        wide = cast(op, x, FLOAT)
        square = op.ReduceMean(op.Pow(wide, 2.0), [-1], keepdims=1)
        return cast(op, op.Mul(op.Div(wide, op.Sqrt(op.Add(square, self.epsilon))), self.weight), x.dtype)


def norm_of(weights: Weights, name: str, norm: Any) -> Norm:
    """The RMS norm of Qwen2, Qwen3, Llama and their like."""
    return Norm(weights.vector(name, norm.weight), norm.variance_epsilon)


def zero_centred_norm_of(weights: Weights, name: str, norm: Any) -> Norm:
    """The RMS norm of Qwen3.5 and its like, whose weight is stored without its 1."""
    return Norm(weights.vector(name, 1 + norm.weight.detach().float()), norm.eps)


@dataclass(frozen=True)
class Perceptron:
    """The second half of a layer."""

    norm: Norm
    gate_up: Product
    down: Product

    @staticmethod
    def of(weights: Weights, name: str, norm: Norm, mlp: Any) -> "Perceptron":
        """
        Raises:
            NotImplementedError: the activation is not SiLU.
        """
        if not isinstance(mlp.act_fn, torch.nn.SiLU) and type(mlp.act_fn).__name__ != "SiLUActivation":
            raise NotImplementedError(f"the perceptron's activation is {type(mlp.act_fn).__name__}, not SiLU")
        gate_up = weights.product(f"{name}.gate_up", mlp.gate_proj, mlp.up_proj)
        return Perceptron(norm, gate_up, weights.product(f"{name}.down", mlp.down_proj))

    def __call__(self, op: OpBuilder, x: ir.Value) -> ir.Value:
        """Add its result to the states, [..., D]."""
        gate, up = op.Split(self.gate_up(op, self.norm(op, x)), axis=-1, num_outputs=2, _outputs=2)
        return x + self.down(op, gate * op.Sigmoid(gate) * up)


def cast(op: OpBuilder, x: ir.Value, dtype: ir.DataType | None) -> ir.Value:
    return x if x.dtype == dtype else op.Cast(x, to=dtype)


def rotate(op: OpBuilder, x: ir.Value, cos: ir.Value, sin: ir.Value) -> ir.Value:
    """Turn each pair of numbers of a head by its position's angles (RoPE), in FP32.

    Args:
        x: [..., W]; its first R numbers are turned.
        cos, sin: FP32, broadcast to [..., R].
    """
    assert x.shape and cos.shape
    width, rotated = x.shape[-1], cos.shape[-1]
    assert isinstance(width, int) and isinstance(rotated, int)
    sizes = [rotated // 2, rotated // 2, *([width - rotated] if width > rotated else [])]
    wide = cast(op, x, FLOAT)
    first, second, *rest = op.Split(wide, sizes, axis=-1, _outputs=len(sizes))
    turned = op.Concat(op.Neg(second), first, axis=-1)
    head = wide if not rest else op.Concat(first, second, axis=-1)
    y = head * cos + turned * sin
    return cast(op, op.Concat(y, *rest, axis=-1) if rest else y, x.dtype)


def last_axes(op: OpBuilder, x: ir.Value, start: int, end: int) -> ir.Value:
    """x[..., start:end]."""
    return op.Slice(x, [start], [end], [-1])
