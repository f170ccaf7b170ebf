"""An ONNX file as an engine in this process."""

from pathlib import Path

import onnxruntime

from builders.parity import Engine, Outputs


def onnx_engine(file: Path) -> Engine:
    """Load `file` under ONNX Runtime on the CPU."""
    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Outputs) -> Outputs:
        return dict(zip(names, session.run(names, inputs), strict=True))

    return run
