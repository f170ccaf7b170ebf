"""How close a half-precision graph comes to what its type can hold, measured while it answers."""

import math
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
from onnx import TensorProto

from builders.graphs.export import save_onnx
from builders.parity.outputs import Outputs
from builders.precision.half import HALF_TYPES, emulate

_LIMITS = {TensorProto.FLOAT16: 65504.0, TensorProto.BFLOAT16: 3.3895313892515355e38}
LIMITS = {precision: _LIMITS[half] for precision, half in HALF_TYPES.items()}
NEAR = 4
"""A tensor within this factor of the limit is named."""


@dataclass(frozen=True)
class TensorRange:
    engine: str
    tensor: str
    operator: str
    weights: tuple[str, ...]
    """Initializers that the operator reads: they tell where in the model it is."""
    in_loop: bool
    max_abs: float
    """Before rounding."""


class EmulatedEngine:
    """A half-precision graph as an engine, which remembers how large its tensors became."""

    def __init__(self, name: str, file: Path, precision: str) -> None:
        self._name = name
        model, self._rounded = emulate(onnx.load(file), HALF_TYPES[precision])
        options = onnxruntime.SessionOptions()
        # Optimisers may take two casts for none.
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        with tempfile.TemporaryDirectory(prefix="vitrine-") as folder:
            save_onnx(model, Path(folder) / "model.onnx")
            del model
            self._session = onnxruntime.InferenceSession(
                str(Path(folder) / "model.onnx"), options, providers=["CPUExecutionProvider"]
            )
        self._outputs = [output.name for output in self._session.get_outputs()]
        self._largest = {rounded.output: 0.0 for rounded in self._rounded}

    def __call__(self, inputs: Outputs) -> Outputs:
        outputs: Outputs = dict(zip(self._outputs, self._session.run(self._outputs, inputs), strict=True))
        for name, largest in self._largest.items():
            value = float(outputs.pop(name))
            if math.isnan(value) or value > largest:
                self._largest[name] = value
        return outputs

    def ranges(self) -> list[TensorRange]:
        """In the order of computation."""
        return [
            TensorRange(self._name, r.name, r.operator, r.weights, r.in_loop, self._largest[r.output])
            for r in self._rounded
        ]


def first_overflow(ranges: Sequence[TensorRange], precision: str) -> TensorRange | None:
    """The first tensor that the type cannot hold, if any; what follows it is spoilt by it."""
    return next((r for r in ranges if not r.max_abs <= LIMITS[precision]), None)


def near_limit(ranges: Sequence[TensorRange], precision: str) -> list[TensorRange]:
    return [r for r in ranges if not r.max_abs * NEAR < LIMITS[precision]]


def ranges_report(ranges: Sequence[TensorRange], precision: str) -> dict[str, Any]:
    """As kept beside the engines; the largest first."""
    return {
        "precision": precision,
        "limit": LIMITS[precision],
        "near_factor": NEAR,
        "near": [r.tensor for r in near_limit(ranges, precision)],
        "tensors": [asdict(r) for r in sorted(ranges, key=lambda r: -r.max_abs)],
    }


def describe(tensor: TensorRange) -> str:
    """For a sentence, such as "Add 'linear_3' (some engine, vision.encoder.layers.0.mlp.fc1.bias)"."""
    place = ", ".join((tensor.engine, *tensor.weights, *(("in the loop",) if tensor.in_loop else ())))
    return f"{tensor.operator} '{tensor.tensor}' ({place})"
