"""From an FP32 engine to one with INT8 matrix products, for ONNX Runtime on the CPU.

Weights become INT8 a channel; activations INT8 a tensor, with a range of their own in every run ("dynamic"), so that no
calibration photos decide it.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic


def write_int8(source: Path, target: Path, *, fp32_share: float) -> None:
    """
    Args:
        fp32_share: of the matrix products with constant weights, the first so many stay in FP32.
    """
    names = list(_products(onnx.load(str(source), load_external_data=False).graph, set()))
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a preparation that the exporter has done
    try:
        quantize_dynamic(
            source,
            target,
            op_types_to_quantize=["MatMul"],
            per_channel=True,
            # 7 bits: processors without VNNI add two products in 16 bits, which 8 bits overflow.
            reduce_range=True,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=names[: round(fp32_share * len(names))],
            extra_options={"MatMulConstBOnly": True, "EnableSubgraph": True},
        )
    finally:
        root.setLevel(level)


def _products(graph: onnx.GraphProto, outer: set[str]) -> Iterator[str]:
    """Names of the matrix products with constant weights, in their order, those of the decoding loop included."""
    constants = outer | {tensor.name for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "MatMul" and node.input[1] in constants:
            yield node.name
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from _products(attribute.g, constants)
