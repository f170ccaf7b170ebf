"""A language model in a graph: its options, its weights and its layers.

Axes: B photos, Q questions about one, A rows of a question, T answer tokens, D width, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import onnx_ir as ir
import torch
from onnxscript import GraphBuilder, OpBuilder

from builders.graphs.language.head import kept_of_head
from builders.graphs.language.layers import Heads, Norm, cast
from builders.graphs.language.segments import Asking, Now, Places, Prefix, PromptHead, RowShapes, Stored
from builders.graphs.language.weights import Weights


@dataclass(frozen=True)
class LanguageOptions:
    answers: int
    """K."""
    question_tokens: int
    """Tokens of the longest question."""
    answer_tokens: int
    """T, an end token counted in."""
    end_ids: tuple[int, ...]
    """Any of them ends an answer."""
    pad_id: int
    """Behind an answer's end; may be an end token."""
    strategy: str = "loop"
    """"loop": one decode step in a loop that ends early; "unrolled": all steps written out, no control flow."""
    features: ir.DataType = ir.DataType.FLOAT
    """Type of the features that come in."""


class Layer(Protocol):
    """What a layer can do; see `builders/graphs/language/attention.py`."""

    def read_prefix(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, head: Stored, *, is_last: bool
    ) -> tuple[ir.Value, Stored]: ...

    def read_question(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, before: Stored, asking: Asking
    ) -> tuple[ir.Value, Stored, ir.Value | None]: ...

    def first_caches(self, op: OpBuilder, question: Stored, shapes: RowShapes) -> Stored: ...

    def decode(
        self, op: OpBuilder, x: ir.Value, prefix: Prefix, before: Stored, question: Stored, caches: Stored, now: Now
    ) -> tuple[ir.Value, Stored]: ...


LayersOf = Callable[[Weights], tuple[Sequence[Layer], Norm]]
"""Makes the layers of a model, and the norm behind them."""


@dataclass(frozen=True)
class LanguageModel:
    options: LanguageOptions
    head: PromptHead
    dtype: ir.DataType
    """Of weights and products."""
    deep_layers: int
    """The first so many layers add a feature of their own at the photo's tokens (DeepStack)."""
    width: int
    """D."""
    heads: Heads
    embedding: ir.Value
    """[V, D]."""
    output: ir.Value
    """[V, D], from states to logits; the embedding, where they are tied."""
    layers: Sequence[Layer]
    norm: Norm
    places: Places
    prefix: Prefix
    of_head: list[Stored]
    """What each layer keeps of the tokens before the photo: constants."""
    slots: ir.Value
    """[T] int32, from 0: places of an answer's tokens."""

    @staticmethod
    def of(
        builder: GraphBuilder,
        language_model: Any,
        output_embedding: torch.Tensor,
        head: PromptHead,
        options: LanguageOptions,
        layers_of: LayersOf,
        dtype: ir.DataType,
        deep_layers: int,
    ) -> "LanguageModel":
        """Put the weights of a model of transformers into a graph."""
        weights, config = Weights(builder, dtype), language_model.config
        table = language_model.embed_tokens.weight
        embedding = weights.table("embedding", table)
        is_tied = output_embedding.data_ptr() == table.data_ptr()
        output = embedding if is_tied else weights.table("output_embedding", output_embedding)
        layers, norm = layers_of(weights)
        places = Places(weights, language_model.rotary_emb, head, options.question_tokens + options.answer_tokens)
        of_head = [
            kept.in_graph(weights, f"layers.{index}.head")
            for index, kept in enumerate(kept_of_head(language_model, head))
        ]
        slots = ir.tensor(list(range(options.answer_tokens)), dtype=ir.DataType.INT32)
        return LanguageModel(
            options, head, dtype, deep_layers, int(config.hidden_size), Heads.of(config), embedding, output, layers,
            norm, places, Prefix.of(weights, head, places), of_head, builder.initializer(slots, "slots", qualify=False),
        )  # fmt: skip

    def logits(self, op: OpBuilder, x: ir.Value) -> ir.Value:
        """[.., D] to [.., V] FP32. The matrix is taken as it is, so that a tied one is stored once."""
        flat = op.Reshape(self.norm(op, x), [-1, self.width])
        logits = cast(op, op.Gemm(flat, self.output, transB=1), ir.DataType.FLOAT)
        assert x.shape and self.output.shape
        lead = op.Shape(x, end=len(x.shape) - 1)
        return op.Reshape(logits, op.Concat(lead, [self.output.shape[0]], axis=0))

    def is_end(self, op: OpBuilder, ids: ir.Value) -> ir.Value:
        ends: ir.Value = op.Equal(ids, self.options.end_ids[0])
        for end in self.options.end_ids[1:]:
            ends = op.Or(ends, op.Equal(ids, end))
        return ends
