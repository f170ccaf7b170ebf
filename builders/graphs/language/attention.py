"""A layer with attention: what it makes of the prefix, of questions, and of one token of each answer.

Keys and values lie in three segments, one softmax over all: the prefix's once a photo, the question's once a question,
the answer's own in the loop. None is copied from one into another.

Axes: B photos, Q questions about one, A rows of a question, N image tokens, P prefix tokens, S of them from the photo
on, L question tokens, T answer tokens, D width, J key heads, G query heads of one, W width of a head, R rotated part.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import OpBuilder

from builders.graphs.language.layers import FLOAT, Heads, Norm, Perceptron, cast, last_axes, norm_of, rotate
from builders.graphs.language.segments import Asking, Now, Prefix, RowShapes, Stored
from builders.graphs.language.weights import Weights

MakeNorm = Callable[[Weights, str, Any], Norm]


@dataclass(frozen=True)
class Projected:
    query: ir.Value
    """[..., J, G, W]."""
    key: ir.Value
    """[..., J, W]."""
    value: ir.Value
    """[..., J, W]."""
    gate: ir.Value | None
    """[..., J · G · W]: what is taken of the context."""


class AttentionLayer:
    """A layer of Llama, Qwen2 (with biases), Qwen3 (with norms of query and key) or Qwen3.5 (with a gate)."""

    def __init__(
        self,
        weights: Weights,
        name: str,
        layer: Any,
        heads: Heads,
        make_norm: MakeNorm = norm_of,
        *,
        gated: bool = False,
    ) -> None:
        """
        Args:
            layer: of transformers.
            gated: the query's matrix holds a gate too, head by head.
        """
        own, h = layer.self_attn, heads
        self.heads, self.gated = heads, gated
        self.norm = make_norm(weights, f"{name}.attention_norm", layer.input_layernorm)
        has_norms = getattr(own, "q_norm", None) is not None
        self.query_norm = make_norm(weights, f"{name}.query_norm", own.q_norm) if has_norms else None
        self.key_norm = make_norm(weights, f"{name}.key_norm", own.k_norm) if has_norms else None
        if gated:
            both = own.q_proj.weight.unflatten(0, (h.keys * h.queries_a_key, 2, h.width))
            matrices = [both[:, 0].flatten(0, 1), own.k_proj.weight, own.v_proj.weight, both[:, 1].flatten(0, 1)]
            self.projection = weights.product_of(f"{name}.qkv_gate", matrices)
        else:
            self.projection = weights.product(f"{name}.qkv", own.q_proj, own.k_proj, own.v_proj)
        self.output = weights.product(f"{name}.output", own.o_proj)
        mlp_norm = make_norm(weights, f"{name}.mlp_norm", layer.post_attention_layernorm)
        self.perceptron = Perceptron.of(weights, name, mlp_norm, layer.mlp)

    def read_prefix(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, head: Stored, *, is_last: bool
    ) -> tuple[ir.Value, Stored]:
        """[B, S, D] to the states behind this layer, and the prefix's keys [B, J, W, P] and values [B, J, P, W].

        Args:
            head: keys and values of the tokens before the photo.
            is_last: nobody reads the states behind this layer: they stay what came.
        """
        h, size, seen = self.heads, prefix.size, prefix.seen
        p = self._project(op, x, lead=2)
        query = rotate(op, op.Transpose(p.query, perm=[0, 2, 3, 1, 4]), prefix.cos, prefix.sin)  # [B, J, G, S, W]
        key = rotate(op, op.Transpose(p.key, perm=[0, 2, 1, 3]), prefix.cos, prefix.sin)
        value, keys = op.Transpose(p.value, perm=[0, 2, 1, 3]), op.Transpose(key, perm=[0, 1, 3, 2])
        batch, before = op.Shape(x, end=1), prefix.first
        head_keys = op.Expand(head[0], op.Concat(batch, [h.keys, h.width, before], axis=0))
        head_values = op.Expand(head[1], op.Concat(batch, [h.keys, before, h.width], axis=0))
        keys, value = op.Concat(head_keys, keys, axis=3), op.Concat(head_values, value, axis=2)
        if is_last:
            return x, (keys, value)
        scores = cast(op, op.MatMul(op.Reshape(query, [0, 0, -1, h.width]), keys), FLOAT)
        scores = op.Reshape(scores, [0, 0, h.queries_a_key, seen, size]) + prefix.causal
        shares = op.Reshape(cast(op, op.Softmax(scores, axis=-1), value.dtype), [0, 0, -1, size])
        context = op.Reshape(op.MatMul(shares, value), [0, 0, h.queries_a_key, seen, h.width])
        return self._after(op, x, op.Transpose(context, perm=[0, 3, 1, 2, 4]), p.gate, lead=2), (keys, value)

    def read_question(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, before: Stored, asking: Asking
    ) -> tuple[ir.Value, Stored, ir.Value]:
        """Questions [B, Q, L, D] after the prefix.

        Returns:
            The states behind this layer; keys [B, J, Q, W, L] and values [B, J, Q, L, W]; and the last token's
            attention to the photo, [B, Q, N] FP32, its mean over heads.
        """
        p = self._project(op, x, lead=3)
        query = rotate(op, op.Transpose(p.query, perm=[0, 3, 1, 4, 2, 5]), asking.cos, asking.sin)  # [B, J, Q, G, L, W]
        key = rotate(op, op.Transpose(p.key, perm=[0, 3, 1, 2, 4]), asking.cos, asking.sin)
        value, keys = op.Transpose(p.value, perm=[0, 3, 1, 2, 4]), op.Transpose(key, perm=[0, 1, 2, 4, 3])
        to_prefix = self._to_prefix(op, query, before, asking.prefix_scores)
        to_own = cast(op, op.MatMul(query, op.Unsqueeze(keys, [3])), FLOAT) + asking.causal
        shares = op.Softmax(op.Concat(to_prefix, to_own, axis=-1), axis=-1)
        seen = last_axes(op, shares, prefix.first, prefix.first + prefix.image_tokens)
        looked = op.ReduceMean(op.MatMul(asking.is_last, seen), [1, 3, 4], keepdims=0)
        shares = cast(op, shares, value.dtype)
        context = self._from_prefix(op, last_axes(op, shares, 0, prefix.size), prefix.size, before, asking.contexts)
        own = op.MatMul(last_axes(op, shares, prefix.size, _END), op.Unsqueeze(value, [3]))
        context = op.Transpose(context + own, perm=[0, 2, 4, 1, 3, 5])
        return self._after(op, x, context, p.gate, lead=3), (keys, value), looked

    def first_caches(self, op: OpBuilder, question: Stored, shapes: RowShapes) -> Stored:
        """Empty keys and values of answers, [B, J, Q, A, T, W] each."""
        h = self.heads
        batch, rest = op.Split(shapes.answers, [1, 3], axis=0, _outputs=2)
        shape = op.Concat(batch, [h.keys], rest, [h.width], axis=0)
        zero = op.Cast(0.0, to=question[1].dtype)
        empty = op.Expand(zero, shape)
        return empty, empty

    def decode(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, before: Stored, question: Stored, caches: Stored, now: Now
    ) -> tuple[ir.Value, Stored]:
        """One token of each answer, [B, Q, A, D]; its key and value are written into the caches."""
        p = self._project(op, x, lead=3)
        query = op.Transpose(p.query, perm=[0, 3, 1, 2, 4, 5])  # [B, J, Q, A, G, W]
        query = rotate(op, query, op.Unsqueeze(now.cos, [4]), op.Unsqueeze(now.sin, [4]))
        key = rotate(op, op.Transpose(p.key, perm=[0, 3, 1, 2, 4]), now.cos, now.sin)  # [B, J, Q, A, W]
        value = op.Transpose(p.value, perm=[0, 3, 1, 2, 4])
        keys = op.Where(now.here, op.Unsqueeze(key, [4]), caches[0])  # [B, J, Q, A, T, W]
        values = op.Where(now.here, op.Unsqueeze(value, [4]), caches[1])
        to_prefix = self._to_prefix(op, query, before, now.shapes.prefix_scores)
        flat = op.Reshape(query, [0, 0, 0, -1, self.heads.width])
        to_question = op.Reshape(op.MatMul(flat, question[0]), now.shapes.question_scores)
        to_question = cast(op, to_question, FLOAT) + now.asking.bias
        to_own = cast(op, op.MatMul(query, op.Transpose(keys, perm=[0, 1, 2, 3, 5, 4])), FLOAT) + now.past
        shares = op.Softmax(op.Concat(to_prefix, to_question, to_own, axis=-1), axis=-1)
        shares = cast(op, shares, values.dtype)
        of_prefix, of_question, of_own = op.Split(shares, now.shapes.segments, axis=-1, _outputs=3)
        context = self._from_prefix(op, of_prefix, prefix.size, before, now.shapes.contexts)
        read = op.MatMul(op.Reshape(of_question, now.shapes.flat_question_scores), question[1])
        context = context + op.Reshape(read, now.shapes.contexts) + op.MatMul(of_own, values)
        return self._after(op, x, op.Transpose(context, perm=[0, 2, 3, 1, 4, 5]), p.gate, lead=3), (keys, values)

    def _project(self, op: OpBuilder, x: ir.Value, lead: int) -> Projected:
        """
        Args:
            lead: axes of `x` before its width.
        """
        h, same = self.heads, [0] * lead
        wide, narrow = h.keys * h.queries_a_key * h.width, h.keys * h.width
        sizes = [wide, narrow, narrow, *([wide] if self.gated else [])]
        query, key, value, *gates = op.Split(self.projection(op, self.norm(op, x)), sizes, axis=-1, _outputs=len(sizes))
        query = op.Reshape(query, [*same, h.keys, h.queries_a_key, h.width])
        key, value = (op.Reshape(part, [*same, h.keys, h.width]) for part in (key, value))
        if self.query_norm and self.key_norm:
            query, key = self.query_norm(op, query), self.key_norm(op, key)
        return Projected(query * h.width**-0.5, key, value, op.Sigmoid(gates[0]) if gates else None)

    def _to_prefix(self, op: OpBuilder, query: ir.Value, prefix: Stored, shape: ir.Value) -> ir.Value:
        """FP32 scores of the prefix's keys: one product a key head for all that stands behind one prefix."""
        scores = op.MatMul(op.Reshape(query, [0, 0, -1, self.heads.width]), prefix[0])
        return op.Reshape(cast(op, scores, FLOAT), shape)

    def _from_prefix(self, op: OpBuilder, shares: ir.Value, size: int, prefix: Stored, shape: ir.Value) -> ir.Value:
        return op.Reshape(op.MatMul(op.Reshape(shares, [0, 0, -1, size]), prefix[1]), shape)

    def _after(self, op: OpBuilder, x: ir.Value, context: ir.Value, gate: ir.Value | None, lead: int) -> ir.Value:
        """Add what was looked up, [..., J, G, W], to the states, [..., D]; then the perceptron."""
        h = self.heads
        context = op.Reshape(context, [*[0] * lead, h.keys * h.queries_a_key * h.width])
        context = context if gate is None else context * gate
        return self.perceptron(op, x + self.output(op, context))


def attention_layers(weights: Weights, language_model: Any) -> tuple[list[AttentionLayer], Norm]:
    """All layers of Qwen2, Qwen3 and their like, and the norm behind them."""
    heads = Heads.of(language_model.config)
    layers = [
        AttentionLayer(weights, f"layers.{index}", layer, heads) for index, layer in enumerate(language_model.layers)
    ]
    return layers, norm_of(weights, "norm", language_model.norm)


_END = torch.iinfo(torch.int64).max
