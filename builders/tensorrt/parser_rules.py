"""What TensorRT's ONNX parser takes, before TensorRT is at hand to ask.

Source: repository onnx/onnx-tensorrt, docs/operators.md at commit
7c51a63a719180eb5160c874c111746f3fb46a6b (TensorRT 11.1). Only operators that
graphs like ours can hold are listed; one that is not listed is refused.
"""

from onnx import TensorProto

_FLOAT: set[int] = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16}
_NUMBER: set[int] = _FLOAT | {TensorProto.INT32, TensorProto.INT64}
_ANY: set[int] = _NUMBER | {TensorProto.BOOL}
_BOOL: set[int] = {TensorProto.BOOL}

SUPPORTED_TYPES: dict[str, set[int]] = {
    **dict.fromkeys(("And", "Not", "Or", "Xor"), _BOOL),
    **dict.fromkeys(
        (
            *("Conv", "Erf", "Exp", "Gemm", "LayerNormalization", "Log", "LogSoftmax", "MatMul", "Pow", "Reciprocal"),
            *("Sigmoid", "Softmax", "Sqrt", "Tanh"),
        ),
        _FLOAT,
    ),
    **dict.fromkeys(
        (
            *("Abs", "Add", "ArgMax", "ArgMin", "Div", "Equal", "Gelu", "Greater", "GreaterOrEqual", "Less"),
            *("LessOrEqual", "Max", "Min", "Mod", "Mul", "Neg", "Range", "ReduceMax", "ReduceMean", "ReduceMin"),
            *("ReduceProd", "ReduceSum", "Relu", "ScatterElements", "ScatterND", "Sub", "Sum", "TopK"),
        ),
        _NUMBER,
    ),
    **dict.fromkeys(
        (
            *("Concat", "Constant", "ConstantOfShape", "Expand", "Flatten", "Gather", "GatherElements", "GatherND"),
            *("Identity", "If", "Loop", "Reshape", "Shape", "Size", "Slice", "Split", "Squeeze", "Tile"),
            *("Transpose", "Unsqueeze", "Where"),
        ),
        _ANY,
    ),
    "Cast": _ANY | {TensorProto.UINT8},
}

OPSETS = range(9, 25)
# From 23 on the exporter writes `Attention`, which TensorRT cannot build inside a loop.
MAX_OPSET_WITH_LOOP = 22
# `axes` must be an initializer.
REDUCTIONS = frozenset(name for name in SUPPORTED_TYPES if name.startswith("Reduce"))
MAX_TOPK = 3839
