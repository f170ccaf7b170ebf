"""An ONNX file as an engine in this process."""

from pathlib import Path

import onnxruntime

from builders.parity.outputs import Engine, Outputs
from vitrine_steps.processor import int8_entries


def onnx_engine(file: Path, *, threads: int = 0) -> Engine:
    """Load `file` under ONNX Runtime on the CPU, with `threads` threads (0: one a core)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # As it is served: threads that spin take the cores from whatever runs next.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, value in int8_entries().items():
        options.add_session_config_entry(name, value)
    if file.with_suffix(".weights").exists():
        options.add_session_config_entry("session.disable_prepacking", "1")  # large weights stay the mapped file
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(inputs: Outputs) -> Outputs:
        return dict(zip(names, session.run(names, inputs), strict=True))

    return run
