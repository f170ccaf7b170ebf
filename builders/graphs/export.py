"""From PyTorch modules to ONNX files."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import onnx
import onnx_ir
import torch
from onnx import TensorProto, helper
from onnx_ir.passes.common import DeduplicateInitializersPass
from torch import Tensor, nn

from builders.dimensions import MAX_BATCH
from builders.engine_spec import IMAGE_ENCODER, EngineSpec, TensorSpec
from builders.precision.eight_bits import quantize_matrices

# TensorRT's parser takes 9 to 24, but from 23 on the exporter writes an
# `Attention` operator that TensorRT cannot build inside a loop.
OPSET = 20
_INLINE_BYTES = 2**30  # of weights inside the file; protobuf ends at 2 GiB
_EXTERNAL_BYTES = 1024  # a smaller tensor stays inside in any case
_FOLDED_ELEMENTS = 2**16  # the exporter folds small weights only
_TRACED_ROWS = 2


def export_engine(engine: EngineSpec, made: nn.Module | onnx_ir.Model, file: Path, *, eight_bits: bool = False) -> None:
    """Write an ONNX file whose batch, and whatever axis the engine's inputs say, is dynamic.

    Args:
        made: by the engine's `module`: what is to be traced, or the graph itself.
        eight_bits: matrices become 8 bits; see `builders/precision/eight_bits.py`.
    """
    graph = made if isinstance(made, onnx_ir.Model) else _traced_graph(engine, made)
    if eight_bits:
        quantize_matrices(graph, "columns" if engine.name == IMAGE_ENCODER else "blocks")
    if eight_bits or sum(tensor.nbytes for tensor in _weights(graph.graph)) > _INLINE_BYTES:
        # Straight from PyTorch's memory, one by one: as a message, they would be there three times over.
        external = file.with_suffix(".int8" if eight_bits else ".weights").name
        onnx_ir.save(graph, file, external_data=external, size_threshold_bytes=_EXTERNAL_BYTES, max_workers=1)
        model = onnx.load(str(file), load_external_data=False)
    else:
        model = onnx_ir.to_proto(graph)
    _strip_traces(model.graph)
    engine.finish(model)
    onnx.save_model(model, str(file))
    onnx.checker.check_model(str(file))


def _traced_graph(engine: EngineSpec, module: nn.Module) -> onnx_ir.Model:
    inputs = {tensor.name: _traced(tensor) for tensor in engine.inputs}
    axes = {axis.name: axis for tensor in engine.inputs for axis in tensor.varying().values()}
    symbols = {name: torch.export.Dim(name, max=axis.graph_max) for name, axis in axes.items()}
    batch = torch.export.Dim("batch", min=1, max=MAX_BATCH)
    dynamic = tuple(
        {0: batch, **{number: symbols[axis.name] for number, axis in tensor.varying().items()}}
        for tensor in engine.inputs
    )
    with _quiet_exporter():
        program = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=list(engine.outputs),
            dynamic_shapes=dynamic,
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    # Each unrolled step folds transposed copies of small weights of its own.
    DeduplicateInitializersPass(size_limit=_FOLDED_ELEMENTS)(program.model)
    return program.model


def _traced(tensor: TensorSpec) -> Tensor:
    filled = torch.ones if tensor.noise in ("tokens", "ones") else torch.zeros
    return filled(tensor.traced(_TRACED_ROWS), dtype=getattr(torch, tensor.dtype))


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


def ask_shape_after_cast(model: onnx.ModelProto, name: str) -> None:
    """Take the batch size from the cast photo, of the same shape: TensorRT takes uint8 for nothing but a cast."""
    nodes = model.graph.node
    cast = next(node for node in nodes if node.op_type == "Cast" and node.input[0] == name)
    nodes.remove(cast)
    nodes.insert(0, cast)  # before every node that will use it
    for node in nodes:
        if node.op_type == "Shape" and node.input[0] == name:
            node.input[0] = cast.output[0]


def set_trip_count(model: onnx.ModelProto, steps: int) -> None:
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
