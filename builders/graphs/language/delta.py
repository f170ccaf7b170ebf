"""A layer of Qwen3.5 with linear attention (Gated DeltaNet): a memory of fixed size in the place of keys and values.

What it keeps of a segment is the last three inputs of a short convolution, and the memory. Questions have to be padded
behind.

Axes: B photos, Q questions about one, A rows of a question, P prefix tokens, S of them from the photo on, L question
tokens, D width, E width of the convolution, H heads of values, X width of a key, Y width of a value.
"""

from dataclasses import dataclass
from typing import Any

import onnx_ir as ir
from onnxscript import OpBuilder

from builders.graphs.language.delta_rule import Chunk, ChunkMasks, read_token
from builders.graphs.language.layers import FLOAT, Norm, Perceptron, cast, zero_centred_norm_of
from builders.graphs.language.segments import Asking, Now, Prefix, RowShapes, Stored
from builders.graphs.language.weights import Weights

_CHUNK = 64
_L2_EPSILON = 1e-6


@dataclass(frozen=True)
class QuestionMasks:
    """What all such layers need of questions."""

    chunk: ChunkMasks
    """A question is one chunk."""
    ends: tuple[ir.Value, ...]
    """L, L + 1 ...: ends of the convolution's windows, [1] int64 each."""
    is_last: ir.Value
    """[B, Q, 3, L + 3] FP32: picks the last three inputs out of the prefix's three and the question's."""


class DeltaShared:
    """What the layers of one graph share."""

    def __init__(self, weights: Weights, longest_question: int, kernel: int) -> None:
        self.longest_question, self.kernel = longest_question, kernel
        builder = weights.builder
        slots = ir.tensor(list(range(_CHUNK)), dtype=ir.DataType.INT32)
        slots_value = builder.initializer(slots, "chunk_slots", qualify=False)
        self.prefix_masks = ChunkMasks.of(builder.op, slots_value, _CHUNK)
        self._of_questions: QuestionMasks | None = None

    def of_questions(self, op: OpBuilder, asking: Asking) -> QuestionMasks:
        """Masks of the graph's questions, written once."""
        if self._of_questions is None:
            before = self.kernel - 1
            ends = tuple(op.Add(asking.length, [place]) for place in range(self.kernel))
            places = op.Range(0, op.Squeeze(op.Cast(ends[-1], to=ir.DataType.INT32), [0]), 1)  # [L + 3]
            offsets = op.Unsqueeze(op.Cast(list(range(before)), to=ir.DataType.INT32), [1])
            wanted = op.Unsqueeze(asking.count, [2, 3]) + offsets  # [B, Q, 3, 1]
            is_last = op.Cast(op.Equal(places, wanted), to=FLOAT)
            chunk = ChunkMasks.of(op, asking.slots, self.longest_question)
            self._of_questions = QuestionMasks(chunk, ends, is_last)
        return self._of_questions


@dataclass(frozen=True)
class Projected:
    mixed: ir.Value
    """[..., E]: query, key and value before the convolution."""
    gate: ir.Value
    """[..., H · Y]."""
    beta: ir.Value
    """[..., H] FP32."""
    log_decay: ir.Value
    """[..., H] FP32."""


class DeltaLayer:
    def __init__(self, weights: Weights, name: str, layer: Any, shared: DeltaShared) -> None:
        """
        Args:
            layer: of transformers.
        """
        own = layer.linear_attn
        self.shared, self.kernel = shared, own.conv_kernel_size
        self.key_heads, self.value_heads = own.num_k_heads, own.num_v_heads
        self.key_width, self.value_width = own.head_k_dim, own.head_v_dim
        self.mixed_width = own.conv_dim
        self.norm = zero_centred_norm_of(weights, f"{name}.attention_norm", layer.input_layernorm)
        self.projection = weights.product(
            f"{name}.qkvzba", own.in_proj_qkv, own.in_proj_z, own.in_proj_b, own.in_proj_a
        )
        kernel = own.conv1d.weight.detach().squeeze(1).T  # [4, E]
        self.taps = [weights.vector(f"{name}.tap_{tap}", row) for tap, row in enumerate(kernel)]
        self.decay = weights.vector(f"{name}.decay", -own.A_log.detach().float().exp())
        self.decay_bias = weights.vector(f"{name}.decay_bias", own.dt_bias)
        self.read_norm = Norm(weights.vector(f"{name}.read_norm", own.norm.weight), own.norm.variance_epsilon)
        self.output = weights.product(f"{name}.output", own.out_proj)
        mlp_norm = zero_centred_norm_of(weights, f"{name}.mlp_norm", layer.post_attention_layernorm)
        self.perceptron = Perceptron.of(weights, name, mlp_norm, layer.mlp)

    def read_prefix(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, head: Stored, *, is_last: bool
    ) -> tuple[ir.Value, Stored]:
        """[B, S, D] to the states behind this layer; and its last inputs [B, 3, E] and memory [B, H, X, Y].

        Args:
            head: last inputs and memory behind the tokens before the photo.
        """
        before, chunks = self.kernel - 1, -(-prefix.seen // _CHUNK)
        behind = chunks * _CHUNK - prefix.seen
        p = self._project(op, x)
        spread = op.Expand(head[0], op.Concat(op.Shape(x, end=1), [before, self.mixed_width], axis=0))
        padded = op.Concat(spread, p.mixed, axis=1)  # [B, 3 + S, E]
        windows = [op.Slice(padded, [tap], [tap + prefix.seen], [1]) for tap in range(self.kernel)]
        mixed = self._query_key_value(op, self._convolve(op, windows), lead=2)

        def in_chunks(x: ir.Value, *width: int) -> ir.Value:
            """[B, S, H, ...] to [B, H, chunks, C, ...]."""
            axes = [0] * len(width)
            turned = op.Transpose(x, perm=[0, 2, 1, *[3 for _ in width]])
            padded = op.Pad(turned, [0, 0, 0, *axes, 0, 0, behind, *axes])
            return op.Reshape(padded, [0, 0, chunks, _CHUNK, *width])

        query, key = (in_chunks(part, self.key_width) for part in mixed[:2])
        value = in_chunks(mixed[2], self.value_width)
        masks = self.shared.prefix_masks
        all_chunks = Chunk.of(op, query, key, value, in_chunks(p.log_decay), in_chunks(p.beta), masks)
        memory, reads = head[1], []
        for number in range(chunks):
            read, memory = all_chunks.numbered(op, number).read(op, memory)
            reads.append(read)
        stored = op.Slice(padded, [prefix.seen], [prefix.seen + before], [1]), memory
        if is_last:
            return x, stored
        together = op.Slice(op.Concat(*reads, axis=2), [0], [prefix.seen], [2])  # [B, H, S, Y]
        return self._after(op, x, op.Transpose(together, perm=[0, 2, 1, 3]), p.gate, lead=2), stored

    def read_question(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, before: Stored, asking: Asking
    ) -> tuple[ir.Value, Stored, None]:
        """Questions [B, Q, L, D] after the prefix.

        Returns:
            The states behind this layer; last inputs [B, Q, 3, E] and memory [B, Q, H, X, Y]; nothing that was seen.
        """
        masks = self.shared.of_questions(op, asking)
        p = self._project(op, x)
        inputs, memory = before
        spread = op.Expand(op.Unsqueeze(inputs, [1]), op.Concat([1], asking.questions, [1, 1], axis=0))
        padded = op.Concat(spread, p.mixed, axis=2)  # [B, Q, 3 + L, E]
        windows = [op.Slice(padded, [tap], masks.ends[tap], [2]) for tap in range(self.kernel)]
        query, key, value = self._query_key_value(op, self._convolve(op, windows), lead=3)
        query, key, value = (op.Transpose(part, perm=[0, 1, 3, 2, 4]) for part in (query, key, value))
        real = op.Unsqueeze(asking.real, [3])
        log_decay, beta = (op.Transpose(part * real, perm=[0, 1, 3, 2]) for part in (p.log_decay, p.beta))
        chunk = Chunk.of(op, query, key, value, log_decay, beta, masks.chunk)
        read, memory = chunk.read(op, op.Unsqueeze(memory, [1]))
        last = cast(op, op.MatMul(masks.is_last, cast(op, padded, FLOAT)), x.dtype)
        return self._after(op, x, op.Transpose(read, perm=[0, 1, 3, 2, 4]), p.gate, lead=3), (last, memory), None

    def first_caches(self, op: OpBuilder, question: Stored, shapes: RowShapes) -> Stored:
        """The question's, for each of its rows: [B, Q, A, 3, E] and [B, Q, A, H, X, Y]."""
        rows = op.Slice(shapes.answers, [0], [3], [0])
        inputs, memory = (op.Unsqueeze(part, [2]) for part in question)
        return op.Expand(inputs, op.Concat(rows, [1, 1], axis=0)), op.Expand(memory, op.Concat(rows, [1, 1, 1], axis=0))

    def decode(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, before: Stored, question: Stored, caches: Stored, now: Now
    ) -> tuple[ir.Value, Stored]:
        """One token of each answer, [B, Q, A, D]."""
        p = self._project(op, x)
        window = op.Concat(caches[0], op.Unsqueeze(p.mixed, [3]), axis=3)  # [B, Q, A, 4, E]
        taps = [op.Gather(window, tap, axis=3) for tap in range(self.kernel)]
        query, key, value = self._query_key_value(op, self._convolve(op, taps), lead=3)
        read, memory = read_token(op, query, key, value, p.log_decay, p.beta, caches[1])
        inputs = op.Slice(window, [1], [self.kernel], [3])
        return self._after(op, x, read, p.gate, lead=3), (inputs, memory)

    def _project(self, op: OpBuilder, x: ir.Value) -> Projected:
        heads, wide = self.value_heads, self.value_heads * self.value_width
        sizes = [self.mixed_width, wide, heads, heads]
        mixed, gate, beta, decay = op.Split(self.projection(op, self.norm(op, x)), sizes, axis=-1, _outputs=4)
        log_decay = op.Softplus(cast(op, decay, FLOAT) + self.decay_bias) * self.decay
        return Projected(mixed, gate, cast(op, op.Sigmoid(beta), FLOAT), log_decay)

    def _convolve(self, op: OpBuilder, windows: list[ir.Value]) -> ir.Value:
        """Inputs at four places, [..., E] each, to one, FP32: a convolution of each number by itself, and SiLU."""
        total = cast(op, windows[0], FLOAT) * self.taps[0]
        for window, tap in zip(windows[1:], self.taps[1:], strict=True):
            total = total + cast(op, window, FLOAT) * tap
        return total * op.Sigmoid(total)

    def _query_key_value(self, op: OpBuilder, mixed: ir.Value, lead: int) -> tuple[ir.Value, ir.Value, ir.Value]:
        """[..., E] to query and key [..., H, X], normalised, and value [..., H, Y].

        Args:
            lead: axes before the last one.
        """
        wide, same = self.key_heads * self.key_width, [0] * lead
        sizes = [wide, wide, self.value_heads * self.value_width]
        query, key, value = op.Split(mixed, sizes, axis=-1, _outputs=3)
        repeats = self.value_heads // self.key_heads
        found = []
        for part in (query, key):
            part = op.Reshape(part, [*same, self.key_heads, 1, self.key_width])
            part = op.Expand(part, [*[1] * lead, 1, repeats, 1]) if repeats > 1 else part
            part = op.Reshape(part, [*same, self.value_heads, self.key_width])
            square = op.ReduceSum(part * part, [-1], keepdims=1)
            found.append(op.Div(part, op.Sqrt(square + _L2_EPSILON)))
        value = op.Reshape(value, [*same, self.value_heads, self.value_width])
        return found[0] * self.key_width**-0.5, found[1], value

    def _after(self, op: OpBuilder, x: ir.Value, read: ir.Value, gate: ir.Value, lead: int) -> ir.Value:
        """Add what was read, [..., H, Y] FP32, to the states, [..., D]; then the perceptron."""
        same = [0] * lead
        gate = cast(op, op.Reshape(gate, [*same, self.value_heads, self.value_width]), FLOAT)
        gated = self.read_norm(op, read) * (gate * op.Sigmoid(gate))
        flat = op.Reshape(cast(op, gated, x.dtype), [*same, self.value_heads * self.value_width])
        return self.perceptron(op, x + self.output(op, flat))
