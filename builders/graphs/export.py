"""From PyTorch modules to ONNX files."""

import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import onnx
import onnx_ir
import torch
from onnx import TensorProto, helper
from onnx_ir.passes.common import DeduplicateInitializersPass
from torch import Tensor, nn

from builders.graphs.answer_decoder import AnswerDecoder
from builders.graphs.answer_scorer import AnswerScorer
from builders.graphs.image_encoder import ImageEncoder

# TensorRT's parser takes 9 to 24, but from 23 on the exporter writes an
# `Attention` operator that TensorRT cannot build inside a loop.
OPSET = 20
_INLINE_BYTES = 2**30  # of weights inside the file; protobuf ends at 2 GiB
_EXTERNAL_BYTES = 1024  # a smaller tensor stays inside in any case
_FOLDED_ELEMENTS = 2**16  # the exporter folds small weights only
MAX_QUESTIONS = 1024  # about one photo; what is served at most stands in the configs


def export_image_encoder(encoder: ImageEncoder, file: Path, *, image_px: int) -> None:
    """Write the image encoder, with a dynamic batch, to `file`."""
    pixels = torch.zeros(2, image_px, image_px, 3, dtype=torch.uint8)
    outputs = ["ENCODED_FEATURES", "IMAGE_POOLED"]
    _export(encoder, {"PIXELS": pixels}, outputs, file, lambda model: _ask_shape_after_cast(model, "PIXELS"))


def export_answer_decoder(
    decoder: AnswerDecoder, file: Path, *, packed_rows: int, image_width: int, question_tokens: int
) -> None:
    """Write the answer decoder, with a dynamic batch and any number of questions about each photo, to `file`."""
    inputs = _question_inputs(packed_rows, image_width, question_tokens, questions=3)
    questions = {1: torch.export.Dim("questions", max=MAX_QUESTIONS)}

    def finish(model: onnx.ModelProto) -> None:
        if decoder.options.strategy == "loop":
            _set_trip_count(model, decoder.options.answer_tokens)

    outputs = ["ANSWER_IDS", "ANSWER_LOGPROBS", "ATTENTION", "IMAGE_SHA256"]
    _export(decoder, inputs, outputs, file, finish, {"QUESTION_IDS": questions, "QUESTION_MASK": questions})


def export_answer_scorer(
    scorer: AnswerScorer, file: Path, *, packed_rows: int, image_width: int, question_tokens: int, answer_tokens: int
) -> None:
    """Write the answer scorer, with a dynamic batch and any number and length of candidates, to `file`."""
    candidates = torch.ones(2, 3, min(4, answer_tokens), dtype=torch.int32)
    inputs = _question_inputs(packed_rows, image_width, question_tokens, questions=1) | {"CANDIDATE_IDS": candidates}
    dynamic = {1: torch.export.Dim("candidates", max=4096), 2: torch.export.Dim("candidate_tokens", max=answer_tokens)}
    outputs = ["CANDIDATE_LOGPROBS", "ATTENTION", "IMAGE_SHA256"]
    _export(scorer, inputs, outputs, file, lambda model: None, {"CANDIDATE_IDS": dynamic})


def _question_inputs(packed_rows: int, image_width: int, question_tokens: int, *, questions: int) -> dict[str, Tensor]:
    return {
        "IMAGE_FEATURES": torch.zeros(2, packed_rows, image_width, dtype=torch.float16),
        "QUESTION_IDS": torch.ones(2, questions, question_tokens, dtype=torch.int32),
        "QUESTION_MASK": torch.ones(2, questions, question_tokens, dtype=torch.int32),
    }


def _export(
    module: nn.Module,
    inputs: dict[str, Tensor],
    output_names: list[str],
    file: Path,
    finish: Callable[[onnx.ModelProto], None],
    dynamic: Mapping[str, dict[int, Any]] = MappingProxyType({}),
) -> None:
    """Write `module` to `file`.

    Args:
        inputs: in the order of the module's arguments.
        finish: changes the graph before it is written. It may not look at large weights.
        dynamic: axes beside the batch that vary, by input.
    """
    batch = torch.export.Dim("batch", min=1, max=1024)
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=output_names,
            dynamic_shapes=tuple({0: batch, **dynamic.get(name, {})} for name in inputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # Each unrolled step folds transposed copies of small weights of its own.
    DeduplicateInitializersPass(size_limit=_FOLDED_ELEMENTS)(program.model)
    if sum(tensor.nbytes for tensor in _weights(program.model.graph)) > _INLINE_BYTES:
        # Straight from PyTorch's memory: as a message, they would be there three times over.
        onnx_ir.save(
            program.model,
            file,
            external_data=file.with_suffix(".weights").name,
            size_threshold_bytes=_EXTERNAL_BYTES,
        )
        del program
        model = onnx.load(str(file), load_external_data=False)
        _strip_traces(model.graph)
        finish(model)
        onnx.save_model(model, str(file))
        onnx.checker.check_model(str(file))
        return
    model = program.model_proto
    _strip_traces(model.graph)
    finish(model)
    save_onnx(model, file)


def _weights(graph: onnx_ir.Graph) -> Iterator[onnx_ir.TensorProtocol]:
    return (value.const_value for value in graph.initializers.values() if value.const_value is not None)


def _strip_traces(graph: onnx.GraphProto) -> None:
    """Remove the exporter's stack traces: a quarter of a small file, and this machine's paths in it."""
    parts: tuple[Any, ...] = (graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer)
    for part in parts:
        del part.metadata_props[:]
        part.doc_string = ""
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                _strip_traces(attribute.g)


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep the exporter's remarks about torchvision, about axis names and about itself from the user."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _ask_shape_after_cast(model: onnx.ModelProto, name: str) -> None:
    """Take the batch size from the cast photo, of the same shape: TensorRT takes uint8 for nothing but a cast."""
    nodes = model.graph.node
    cast = next(node for node in nodes if node.op_type == "Cast" and node.input[0] == name)
    nodes.remove(cast)
    nodes.insert(0, cast)  # before every node that will use it
    for node in nodes:
        if node.op_type == "Shape" and node.input[0] == name:
            node.input[0] = cast.output[0]


def _set_trip_count(model: onnx.ModelProto, steps: int) -> None:
    """Give the decoding loop a constant bound; the exporter leaves only its condition.

    TensorRT asks for one, and a bound keeps a broken condition from looping for ever.
    """
    loops = [node for node in model.graph.node if node.op_type == "Loop"]
    if len(loops) != 1:
        raise RuntimeError(f"expected one decoding loop in the graph, found {len(loops)}: the exporter has changed")
    name = "decode_steps"
    model.graph.initializer.append(helper.make_tensor(name, TensorProto.INT64, [], [steps]))
    loops[0].input[0] = name


def save_onnx(model: onnx.ModelProto, file: Path) -> None:
    """Weights over 1 GiB go to a file beside it, as protobuf ends at 2 GiB."""
    onnx.save_model(
        model,
        str(file),
        save_as_external_data=model.ByteSize() > _INLINE_BYTES,
        location=file.with_suffix(".weights").name,
        size_threshold=_EXTERNAL_BYTES,
    )
    onnx.checker.check_model(str(file))
