"""The `onnxruntime` backend where Triton has no C++ one: same configs, same files, in Python.

Triton looks for `libtriton_onnxruntime.so` in its backend folder and, finding
none, runs this file under its Python backend. It reads the parameters that it
shares with the C++ backend (`intra_op_thread_count`, `inter_op_thread_count`).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from vitrine_steps.processor import int8_entries
from vitrine_steps.triton.engine_backend import EngineBackend, Run


class TritonPythonModel(EngineBackend):
    default_file = "model.onnx"

    def load(self, file: Path, config: dict[str, Any], outputs: Sequence[str]) -> Run:
        options = _session_options(config["parameters"])
        if file.with_suffix(".weights").exists():
            # Large weights stay the mapped file; packed for products, they would be in memory two or three times.
            options.add_session_config_entry("session.disable_prepacking", "1")
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        return lambda inputs: list(session.run(outputs, inputs))


def _session_options(parameters: dict[str, dict[str, str]]) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    for name, attribute in (
        ("intra_op_thread_count", "intra_op_num_threads"),
        ("inter_op_thread_count", "inter_op_num_threads"),
    ):
        if name in parameters:
            setattr(options, attribute, int(parameters[name]["string_value"]))
    # Idle threads that spin would take the cores from the other steps.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    for name, value in int8_entries().items():
        options.add_session_config_entry(name, value)
    return options
