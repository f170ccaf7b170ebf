"""What a decoder's layers are given beside the states: places, masks and shapes, worked out once for all layers.

Axes: B photos, Q questions about one, A rows of a question, N image tokens, P prefix tokens, L question tokens, T
answer tokens, J key heads, G query heads of one, W width of a head, R rotated part of it.
"""

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import OpBuilder

from builders.graphs.language.layers import MASKED, Heads
from builders.graphs.language.weights import Weights

Stored = tuple[ir.Value, ir.Value]
"""What a layer keeps of a segment."""
_INT32, _INT64, _FLOAT = ir.DataType.INT32, ir.DataType.INT64, ir.DataType.FLOAT


@dataclass(frozen=True)
class PromptHead:
    """The tokens before a question, the photo among them."""

    ids: tuple[int, ...]
    """Token ids, a placeholder's at each of the photo's."""
    image_id: int
    """Id of the placeholder."""
    positions: Any
    """Torch tensor [P], or [3, P] where positions have three axes."""

    @property
    def first(self) -> int:
        """Place of the photo's first token."""
        return self.ids.index(self.image_id)

    @property
    def image_tokens(self) -> int:
        return self.ids.count(self.image_id)


class Places:
    """Cosines and sines of positions: constants, which rows are taken of."""

    def __init__(self, weights: Weights, rotary: Any, head: PromptHead, longest: int) -> None:
        """
        Args:
            rotary: of transformers: from positions to cosines and sines.
            longest: tokens behind the prefix at most.
        """
        three = head.positions.ndim == 2
        nothing = torch.zeros(1, 1, 1)
        with torch.no_grad():
            cos, sin = rotary(nothing, head.positions[:, None] if three else head.positions[None])
            after = torch.arange(longest) + int(head.positions.max()) + 1  # all axes of a text's positions are equal
            text_cos, text_sin = rotary(nothing, after.expand(3, 1, -1) if three else after[None])
        seen_cos, seen_sin = cos[0, head.first :], sin[0, head.first :]
        self.prefix = weights.vector("prefix_cos", seen_cos), weights.vector("prefix_sin", seen_sin)  # [S, R]
        self.text = weights.vector("text_cos", text_cos[0]), weights.vector("text_sin", text_sin[0])  # [longest, R]


@dataclass(frozen=True)
class Prefix:
    size: int
    """P."""
    seen: int
    """S: tokens from the photo's first on; those before it are constants of the graph."""
    first: int
    """Place of the photo's first token."""
    image_tokens: int
    cos: ir.Value
    """[S, R]."""
    sin: ir.Value
    causal: ir.Value
    """[S, P] FP32: 0, or MASKED for what comes later."""

    @staticmethod
    def of(weights: Weights, head: PromptHead, places: Places) -> "Prefix":
        size = len(head.ids)
        causal = weights.vector("prefix_causal", torch.full((size, size), MASKED).triu(1)[head.first :])
        return Prefix(size, size - head.first, head.first, head.image_tokens, *places.prefix, causal)


@dataclass(frozen=True)
class Asking:
    """Questions, padded behind."""

    questions: ir.Value
    """Q, [1] int64."""
    length: ir.Value
    """L, [1] int64."""
    slots: ir.Value
    """[L] int32, from 0."""
    count: ir.Value
    """[B, Q] int32: tokens of each question."""
    real: ir.Value
    """[B, Q, L] FP32: 1 on tokens, 0 on padding."""
    is_last: ir.Value
    """[B, 1, Q, 1, 1, L] FP32: 1 at the last token."""
    bias: ir.Value
    """[B, 1, Q, 1, 1, L] FP32: 0 on tokens, MASKED on padding."""
    cos: ir.Value
    """[L, R]."""
    sin: ir.Value
    causal: ir.Value
    """[L, L] FP32."""
    prefix_scores: ir.Value
    """The shape B, J, Q, G, L, P."""
    contexts: ir.Value
    """The shape B, J, Q, G, L, W."""

    @staticmethod
    def of(op: OpBuilder, ids: ir.Value, mask: ir.Value, prefix: Prefix, places: Places, heads: Heads) -> "Asking":
        """
        Args:
            ids, mask: [B, Q, L] int32.
        """
        batch, questions, length = sizes_of(op, ids, 3)
        slots = op.Range(0, op.Squeeze(op.Cast(length, to=_INT32), [0]), 1)  # [L]
        count = op.ReduceSum(mask, [2], keepdims=0)
        is_last = op.Cast(op.Equal(slots, op.Unsqueeze(count - 1, [2])), to=_FLOAT)
        is_real = op.Greater(mask, 0)
        later = op.Greater(op.Unsqueeze(slots, [0]), op.Unsqueeze(slots, [1]))
        cos, sin = (op.Gather(table, slots, axis=0) for table in places.text)
        shape = (batch, [heads.keys], questions, [heads.queries_a_key], length)
        return Asking(
            questions,
            length,
            slots,
            count,
            op.Cast(is_real, to=_FLOAT),
            op.Unsqueeze(is_last, [1, 3, 4]),
            op.Unsqueeze(op.Where(is_real, 0.0, MASKED), [1, 3, 4]),
            cos,
            sin,
            op.Where(later, MASKED, 0.0),
            op.Concat(*shape, [prefix.size], axis=0),
            op.Concat(*shape, [heads.width], axis=0),
        )


@dataclass(frozen=True)
class RowShapes:
    """Shapes of what the rows of questions look at; int64 vectors."""

    answers: ir.Value
    """B, Q, A, T."""
    prefix_scores: ir.Value
    """B, J, Q, A, G, P."""
    question_scores: ir.Value
    """B, J, Q, A, G, L."""
    flat_question_scores: ir.Value
    """The same with A · G as one: 0, 0, 0, -1, L."""
    contexts: ir.Value
    """B, J, Q, A, G, W."""
    segments: ir.Value
    """P, L, T."""

    @staticmethod
    def of(
        op: OpBuilder, forced: ir.Value, asking: Asking, prefix: Prefix, heads: Heads, answer_tokens: int
    ) -> "RowShapes":
        """
        Args:
            forced: [B, Q, A, T].
        """
        batch, questions, rows = sizes_of(op, forced, 3)
        shape = (batch, [heads.keys], questions, rows, [heads.queries_a_key])
        return RowShapes(
            op.Concat(batch, questions, rows, [answer_tokens], axis=0),
            op.Concat(*shape, [prefix.size], axis=0),
            op.Concat(*shape, asking.length, axis=0),
            op.Concat([0, 0, 0, -1], asking.length, axis=0),
            op.Concat(*shape, [heads.width], axis=0),
            op.Concat([prefix.size], asking.length, [answer_tokens], axis=0),
        )


@dataclass(frozen=True)
class Now:
    """One step of the answers."""

    cos: ir.Value
    """[B, 1, Q, 1, R]."""
    sin: ir.Value
    here: ir.Value
    """[T, 1] bool: where this token's key and value go."""
    past: ir.Value
    """[T] FP32: 0 up to this token, MASKED behind it."""
    asking: Asking
    shapes: RowShapes

    @staticmethod
    def of(op: OpBuilder, step: ir.Value, asking: Asking, shapes: RowShapes, places: Places, slots: ir.Value) -> "Now":
        """
        Args:
            step: 0-d int32: place of the answer's token that is looked for; the one before it is read.
            slots: [T] int32, from 0.
        """
        place = asking.count + (step - 1)  # [B, Q]
        cos, sin = (op.Unsqueeze(op.Gather(table, place, axis=0), [1, 3]) for table in places.text)
        here = op.Unsqueeze(op.Equal(slots, step - 1), [1])
        return Now(cos, sin, here, op.Where(op.Less(slots, step), 0.0, MASKED), asking, shapes)


def sizes_of(op: OpBuilder, x: ir.Value, axes: int) -> list[ir.Value]:
    """The first sizes of `x`, [1] int64 each."""
    return [op.Shape(x, start=axis, end=axis + 1) for axis in range(axes)]
