"""The gated delta rule, in FP32: a memory that is decayed, corrected and read, token by token, or a chunk at once.

A chunk's tokens correct one another, which is the inverse of a triangular matrix. It is found by doubling blocks: the
product of powers, which is the same in exact numbers, overflows where keys are nearly alike, as on a white background.

Axes: C tokens of a chunk, X width of a key, Y width of a value.
"""

from dataclasses import dataclass

import onnx_ir as ir
from onnxscript import OpBuilder

from builders.graphs.language.layers import FLOAT, MASKED


@dataclass(frozen=True)
class ChunkMasks:
    lower: ir.Value
    """[C, C] bool: True on and below the diagonal."""
    identity: ir.Value
    """[C, C] FP32."""
    blocks: tuple[ir.Value, ...]
    """[C, C] FP32 each: 1 in the lower left quarters of blocks of 2, 4, 8 ... tokens."""

    @staticmethod
    def of(op: OpBuilder, slots: ir.Value, longest: int) -> "ChunkMasks":
        """
        Args:
            slots: [C] int32, from 0.
            longest: C at most.
        """
        row, column = op.Unsqueeze(slots, [1]), op.Unsqueeze(slots, [0])
        blocks, size = [], 1
        while size < longest:
            is_block = op.Equal(op.Div(row, 2 * size), op.Div(column, 2 * size))
            is_below = op.Greater(op.Div(row, size), op.Div(column, size))
            blocks.append(op.Cast(op.And(is_block, is_below), to=FLOAT))
            size *= 2
        identity = op.Cast(op.Equal(row, column), to=FLOAT)
        return ChunkMasks(op.GreaterOrEqual(row, column), identity, tuple(blocks))


@dataclass(frozen=True)
class Chunk:
    """What a chunk does to the memory, whatever is in it."""

    new: ir.Value
    """[..., C, Y]: what its tokens would write into an empty memory."""
    known: ir.Value
    """[..., C, X]: how they ask the memory for what is known already."""
    inside: ir.Value
    """[..., C, C]: how much each token reads of those before it."""
    asked: ir.Value
    """[..., C, X]: queries, decayed from the chunk's start."""
    kept: ir.Value
    """[..., X, C]: keys, decayed to the chunk's end."""
    decay: ir.Value
    """[..., 1, 1]: what is left of the memory at the chunk's end."""

    @staticmethod
    def of(
        op: OpBuilder,
        query: ir.Value,
        key: ir.Value,
        value: ir.Value,
        log_decay: ir.Value,
        beta: ir.Value,
        masks: ChunkMasks,
    ) -> "Chunk":
        """
        Args:
            query, key: [..., C, X] and value: [..., C, Y], FP32.
            log_decay, beta: [..., C]: both 0 on padding, which then forgets and writes nothing.
        """
        lower = op.Cast(masks.lower, to=FLOAT)
        total = op.MatMul(lower, op.Unsqueeze(log_decay, [-1]))  # [..., C, 1]: sums up to each token
        between = op.Exp(op.Where(masks.lower, total - _transposed(op, total), MASKED))  # [..., C, C]
        weight = op.Unsqueeze(beta, [-1])
        written, turned = key * weight, _transposed(op, key)
        triangle = op.MatMul(written, turned) * between
        inverse = masks.identity
        for block in masks.blocks:
            inverse = inverse - op.MatMul(op.MatMul(inverse, triangle * block), inverse)
        grown, last = op.Exp(total), op.Slice(total, [-1], [_END], [-2])
        return Chunk(
            op.MatMul(inverse, value * weight),
            op.MatMul(inverse, written * grown),
            op.MatMul(query, turned) * between,
            query * grown,
            _transposed(op, key * op.Exp(last - total)),
            op.Exp(last),
        )

    def numbered(self, op: OpBuilder, number: int) -> "Chunk":
        """One of several chunks, which lie along the axis before their own two."""
        parts = (self.new, self.known, self.inside, self.asked, self.kept, self.decay)
        return Chunk(*(op.Gather(part, number, axis=-3) for part in parts))

    def read(self, op: OpBuilder, memory: ir.Value) -> tuple[ir.Value, ir.Value]:
        """What is read, [..., C, Y], and the memory, [..., X, Y], behind the chunk."""
        new = self.new - op.MatMul(self.known, memory)
        read = op.MatMul(self.asked, memory) + op.MatMul(self.inside, new)
        return read, memory * self.decay + op.MatMul(self.kept, new)


def read_token(
    op: OpBuilder,
    query: ir.Value,
    key: ir.Value,
    value: ir.Value,
    log_decay: ir.Value,
    beta: ir.Value,
    memory: ir.Value,
) -> tuple[ir.Value, ir.Value]:
    """One token: what is read, [..., Y], and the memory, [..., X, Y], behind it.

    Args:
        query, key: [..., X]; value: [..., Y]; log_decay, beta: [...]; all FP32.
    """
    memory = memory * op.Unsqueeze(op.Exp(log_decay), [-2, -1])
    known = op.MatMul(op.Unsqueeze(key, [-2]), memory)  # [..., 1, Y]
    correction = (op.Unsqueeze(value, [-2]) - known) * op.Unsqueeze(beta, [-2, -1])
    memory = memory + op.Unsqueeze(key, [-1]) * correction
    return op.Squeeze(op.MatMul(op.Unsqueeze(query, [-2]), memory), [-2]), memory


def _transposed(op: OpBuilder, x: ir.Value) -> ir.Value:
    """Swap the last two axes."""
    assert x.shape
    axes = list(range(len(x.shape)))
    return op.Transpose(x, perm=[*axes[:-2], axes[-1], axes[-2]])


_END = 2**63 - 1
