"""Weights in half precision, except where it matters."""

import copy
from typing import Any

import torch
from onnx_ir.tensor_adapters import from_torch_dtype
from torch import nn

DTYPES = {
    "fp32": torch.float32,
    "int8": torch.float32,  # weights become 8 bits in the graph, see builders/precision/eight_bits.py
    "fp16": torch.float16,
    "bf16": torch.bfloat16,
    "int8-weights": torch.float16,  # weights become 8 bits in the graph, see builders/precision/weights.py
    "fp8-weights": torch.float16,
}
ONNX_TYPES = {name: from_torch_dtype(dtype) for name, dtype in DTYPES.items()}


def with_precision(model: Any, precision: str) -> Any:
    """A copy of `model` with its weights in `precision` ("fp32": the model itself).

    Layer norms keep their FP32 weights. What else stays in FP32, whatever the
    weights are (softmax, log-softmax, sums of scores, normalisation of the
    photo), is written in the graphs themselves.
    """
    dtype = DTYPES[precision]
    if dtype == torch.float32:
        return model
    cast = copy.deepcopy(model).to(dtype)
    for module in cast.modules():
        if isinstance(module, nn.LayerNorm):
            module.float()
    return cast


def require_holds(model: Any, precision: str) -> None:
    """
    Raises:
        OverflowError: a weight is beyond what `precision` can hold; names the first.
    """
    dtype = DTYPES[precision]
    limit = torch.finfo(dtype).max
    for name, parameter in model.named_parameters():
        if (largest := float(parameter.detach().abs().max())) > limit:
            raise OverflowError(f"weight {name} reaches {largest:.3g}, more than {precision} can hold ({limit:.3g})")
