"""The answer decoder of a language model: prefill, and the greedy decoding loop, as one graph.

Answers and closed lists are the same rows: a row's forced tokens are taken as they are, -1 is free. Of a question's
free rows, row k starts with its k-th likeliest token; so row 0 is the greedy answer.

Axes: B photos, Q questions about one, A rows of a question, N image tokens, L question tokens, T answer tokens, D
width, V vocabulary.
"""

from collections.abc import Callable
from typing import Any

import onnx_ir as ir
import torch
from onnxscript import GraphBuilder, OpBuilder

from builders.graphs.export import OPSET
from builders.graphs.language.answers import State, first_state, is_unfinished, next_state
from builders.graphs.language.layers import arithmetic, cast
from builders.graphs.language.model import LanguageModel, LanguageOptions, LayersOf
from builders.graphs.language.read import read_prefix, read_questions
from builders.graphs.language.segments import PromptHead, RowShapes
from vitrine_steps.features import DIGEST_BYTES, EXTRA_ROWS

_FLOAT, _INT32, _INT64, _BOOL = ir.DataType.FLOAT, ir.DataType.INT32, ir.DataType.INT64, ir.DataType.BOOL
_IR_VERSION = 10
_END = torch.iinfo(torch.int64).max


def language_decoder(
    language_model: Any,
    output_embedding: torch.Tensor,
    head: PromptHead,
    options: LanguageOptions,
    layers_of: LayersOf,
    *,
    dtype: ir.DataType = _FLOAT,
    deep_layers: int = 0,
) -> ir.Model:
    """Write the graph. Its weights are read from the model when the graph is saved.

    Inputs: features [B, N + 2, D · m], packed (see `vitrine_steps/features.py`); ids and mask of questions [B, Q, L]
    int32, padded behind; forced tokens [B, Q, A, T] int32, or -1 for what is to be found.

    Outputs: answer ids [B, Q, A, T] int32 and their log-probabilities [B, Q, A, T] FP32; the attention to the photo
    [B, Q, N] FP32; the digest that came with the features, [B, 32] uint8.

    Args:
        language_model: of transformers, FP32.
        output_embedding: [V, D], from states to logits; the same tensor as the embedding where they are tied.
        layers_of: makes the layers and the last norm.
        dtype: of weights and products.
        deep_layers: the first so many layers add a feature of their own at the photo's tokens (DeepStack).
    """
    graph = ir.Graph(inputs=[], outputs=[], nodes=[], opset_imports={"": OPSET}, name="answer_decoder")
    builder = GraphBuilder(graph)
    with arithmetic(builder.op):
        model = LanguageModel.of(
            builder, language_model, output_embedding, head, options, layers_of, dtype, deep_layers
        )
        _write(builder, model)
    return ir.Model(graph, ir_version=_IR_VERSION, producer_name="vitrine")


def _write(builder: GraphBuilder, model: LanguageModel) -> None:
    o, head, op = model.options, model.head, builder.op
    packed: list[int | str | None] = ["batch", head.image_tokens + EXTRA_ROWS, model.width * (1 + model.deep_layers)]
    features = builder.input("IMAGE_FEATURES", o.features, packed)
    ids = builder.input("QUESTION_IDS", _INT32, ["batch", "questions", "tokens"])
    mask = builder.input("QUESTION_MASK", _INT32, ["batch", "questions", "tokens"])
    forced = builder.input("FORCED_IDS", _INT32, ["batch", "questions", "rows", o.answer_tokens])
    image = op.Slice(features, [0], [head.image_tokens], [1])
    digest = op.Slice(features, [head.image_tokens + EXTRA_ROWS - 1, 0], [_END, DIGEST_BYTES], [1, 2])
    of_prefix = read_prefix(model, op, cast(op, image, model.dtype))
    read = read_questions(model, op, ids, mask, of_prefix)
    shapes = RowShapes.of(op, forced, read.asking, model.prefix, model.heads, o.answer_tokens)
    state = first_state(model, op, read, forced, shapes)

    def advance(op: OpBuilder, step: ir.Value, state: State) -> State:
        return next_state(model, op, step, state, read, forced, shapes)

    if o.strategy == "unrolled":
        for step in range(1, o.answer_tokens):
            state = advance(op, op.Cast(step, to=_INT32), state)
    else:
        state = _loop(builder, advance, state, o.answer_tokens - 1)
    answers: list[str | int] = ["batch", "questions", "rows", o.answer_tokens]
    outputs: dict[str, tuple[ir.Value, list[str | int]]] = {
        "ANSWER_IDS": (op.Identity(state[0]), answers),
        "ANSWER_LOGPROBS": (op.Identity(state[1]), answers),
        "ATTENTION": (read.looked, ["batch", "questions", head.image_tokens]),
        "IMAGE_SHA256": (op.Cast(op.Squeeze(digest, [1]), to=ir.DataType.UINT8), ["batch", DIGEST_BYTES]),
    }
    for name, (value, shape) in outputs.items():
        value.shape = ir.Shape(shape)
        builder.add_output(value, name)


def _loop(
    builder: GraphBuilder,
    advance: Callable[[OpBuilder, ir.Value, State], State],
    state: State,
    steps: int,
) -> State:
    def body(op: OpBuilder, iteration: ir.Value, _: ir.Value, *state: ir.Value) -> list[ir.Value]:
        with arithmetic(op):
            new = advance(op, op.Cast(iteration, to=_INT32) + 1, state)
            return [is_unfinished(op, new), *new]

    inputs = [ir.val("iteration", _INT64, []), ir.val("is_unfinished", _BOOL, [])]
    inputs += [ir.Value(name=f"state_{index}", type=one.type, shape=one.shape) for index, one in enumerate(state)]
    outputs = [ir.Value(name=f"next_{index}") for index in range(len(state) + 1)]
    builder.push_module("step")
    graph = builder.subgraph(body, inputs, outputs, name="decode_step")
    builder.pop_module()
    op = builder.op
    found: State = op.Loop(steps, is_unfinished(op, state), *state, body=graph, _outputs=len(state))
    return found
