"""What a language model makes of the photo, once a photo, and of a question, once a question.

Axes: B photos, Q questions about one, N image tokens, P prefix tokens (all up to the question: the same for all), L
question tokens (with the template's end), D width.
"""

from dataclasses import dataclass

import onnx_ir as ir
from onnxscript import OpBuilder

from builders.graphs.language.layers import FLOAT, cast, last_axes
from builders.graphs.language.model import LanguageModel
from builders.graphs.language.segments import Asking, Stored, sizes_of


@dataclass(frozen=True)
class Read:
    """What stands before the answers."""

    of_prefix: list[Stored]
    """Layer by layer."""
    asking: Asking
    of_question: list[Stored]
    """Layer by layer."""
    last: ir.Value
    """[B, Q, D]: states of the questions' last tokens."""
    looked: ir.Value
    """[B, Q, N] FP32: the last token's attention to the photo, mean over layers and heads, summing to 1."""


def read_prefix(model: LanguageModel, op: OpBuilder, features: ir.Value) -> list[Stored]:
    """Features [B, N, D · (1 + deep layers)] to what each layer keeps of the prefix."""
    head = model.head
    after = list(head.ids[head.first + head.image_tokens :])
    x = last_axes(op, features, 0, model.width)  # [B, N, D]
    if after:
        rows = op.Unsqueeze(op.Gather(model.embedding, after, axis=0), [0])
        behind = op.Expand(rows, op.Concat(sizes_of(op, features, 1)[0], [len(after), model.width], axis=0))
        x = op.Concat(x, behind, axis=1)  # [B, S, D]
    stored = []
    for index, layer in enumerate(model.layers):
        x, kept = layer.read_prefix(op, x, model.prefix, model.of_head[index], is_last=index == len(model.layers) - 1)
        stored.append(kept)
        if index < model.deep_layers:
            deep = last_axes(op, features, (1 + index) * model.width, (2 + index) * model.width)
            x = x + op.Pad(deep, [0, 0, 0, 0, len(after), 0])
    return stored


def read_questions(model: LanguageModel, op: OpBuilder, ids: ir.Value, mask: ir.Value, of_prefix: list[Stored]) -> Read:
    """Questions [B, Q, L] int32, padded behind, after the prefix that `read_prefix` read."""
    asking = Asking.of(op, ids, mask, model.prefix, model.places, model.heads)
    x = op.Gather(model.embedding, ids, axis=0)  # [B, Q, L, D]
    stored, looked = [], []
    for layer, before in zip(model.layers, of_prefix, strict=True):
        x, kept, seen = layer.read_question(op, x, model.prefix, before, asking)
        stored.append(kept)
        looked += [] if seen is None else [seen]
    is_last = op.Unsqueeze(op.Squeeze(asking.is_last, [1, 3, 4]), [2])  # [B, Q, 1, L]
    last = cast(op, op.Squeeze(op.MatMul(is_last, cast(op, x, FLOAT)), [2]), model.dtype)
    total = op.Sum(*looked)
    share = op.Div(total, op.ReduceSum(total, [2], keepdims=1))
    return Read(of_prefix, asking, stored, last, share)
