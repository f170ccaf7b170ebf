"""Greedy answers: the first token of each, and one step of the decoding loop.

Axes: B photos, Q questions about one, A rows of a question, K answers, T answer tokens, D width, V vocabulary.
"""

from collections.abc import Sequence

import onnx_ir as ir
from onnxscript import OpBuilder

from builders.graphs.language.model import LanguageModel
from builders.graphs.language.read import Read
from builders.graphs.language.segments import Now, RowShapes, sizes_of

_INT32, _INT64 = ir.DataType.INT32, ir.DataType.INT64
State = Sequence[ir.Value]
"""Tokens and log-probabilities [B, Q, A, T], going [B, Q, A] int32, then two caches a layer."""


def first_state(model: LanguageModel, op: OpBuilder, read: Read, forced: ir.Value, shapes: RowShapes) -> State:
    """The state after the first token of each row.

    Args:
        forced: [B, Q, A, T] int32: tokens, or -1 for what is to be found.
    """
    o = model.options
    logprobs = op.LogSoftmax(model.logits(op, read.last), axis=-1)  # [B, Q, V]
    _, best = op.TopK(logprobs, [o.answers], axis=-1, _outputs=2)  # [B, Q, K]
    rows = op.Squeeze(op.Cast(sizes_of(op, forced, 3)[2], to=_INT32), [0])
    rank = op.Min(op.Range(0, rows, 1), o.answers - 1)  # rows beyond K repeat the last
    free = op.Cast(op.Gather(best, rank, axis=2), to=_INT32)  # [B, Q, A]
    wanted = op.Gather(forced, 0, axis=3)
    first = op.Where(op.GreaterOrEqual(wanted, 0), wanted, free)
    chosen = op.GatherElements(logprobs, op.Cast(first, to=_INT64), axis=2)
    is_first = op.Equal(model.slots, 0)
    caches = [
        cache
        for layer, question in zip(model.layers, read.of_question, strict=True)
        for cache in layer.first_caches(op, question, shapes)
    ]
    return [
        op.Where(is_first, op.Unsqueeze(first, [3]), o.pad_id),
        op.Where(is_first, op.Unsqueeze(chosen, [3]), 0.0),
        op.Cast(op.Not(model.is_end(op, first)), to=_INT32),
        *caches,
    ]


def next_state(
    model: LanguageModel, op: OpBuilder, step: ir.Value, state: State, read: Read, forced: ir.Value, shapes: RowShapes
) -> State:
    """The state after token `step` (0-d int32, 1 or more); one step too many changes nothing."""
    tokens, logprobs, going, *caches = state
    x = op.Gather(model.embedding, op.Gather(tokens, step - 1, axis=3), axis=0)  # [B, Q, A, D]
    now = Now.of(op, step, read.asking, shapes, model.places, model.slots)
    written: list[ir.Value] = []
    for index, layer in enumerate(model.layers):
        own = caches[2 * index], caches[2 * index + 1]
        x, kept = layer.decode(op, x, model.prefix, read.of_prefix[index], read.of_question[index], own, now)
        written += kept
    found = op.LogSoftmax(model.logits(op, x), axis=-1)  # [B, Q, A, V]
    wanted = op.Gather(forced, step, axis=3)
    best = op.Cast(op.ArgMax(found, axis=3, keepdims=0), to=_INT32)
    is_going = op.Greater(going, 0)
    chosen = op.Where(op.GreaterOrEqual(wanted, 0), wanted, best)
    gained = op.Squeeze(op.GatherElements(found, op.Unsqueeze(op.Cast(chosen, to=_INT64), [3]), axis=3), [3])
    chosen, gained = op.Where(is_going, chosen, model.options.pad_id), op.Where(is_going, gained, 0.0)
    here = op.Equal(model.slots, step)
    return [
        op.Where(here, op.Unsqueeze(chosen, [3]), tokens),
        op.Where(here, op.Unsqueeze(gained, [3]), logprobs),
        op.Cast(op.And(is_going, op.Not(model.is_end(op, chosen))), to=_INT32),
        *written,
    ]


def is_unfinished(op: OpBuilder, state: State) -> ir.Value:
    return op.Greater(op.ReduceSum(state[2], keepdims=0), 0)
