"""The `onnxruntime` backend where Triton has no C++ one: same configs, same files, in Python.

Triton looks for `libtriton_onnxruntime.so` in its backend folder and, finding
none, runs this file under its Python backend. It reads the parameters that it
shares with the C++ backend (`intra_op_thread_count`, `inter_op_thread_count`).
"""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

from vitrine_steps.triton.heartbeat import Heartbeat

_MOST_ID_CHARACTERS = 80
"""Characters of a request's id that a log may hold: it is a caller's."""


class TritonPythonModel:
    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        return config  # the repository's configs are complete

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        self.batches = config["max_batch_size"] > 0
        file = (
            Path(args["model_repository"]) / args["model_version"] / (config["default_model_filename"] or "model.onnx")
        )
        # As the steps count theirs; the family must outlive its metric.
        self.family = pb_utils.MetricFamily(
            name="vitrine_errors_total",
            description="Requests that a step answered with an error",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self.errors = self.family.Metric(labels={"model": args["model_name"], "code": "INTERNAL"})
        self.heartbeat = Heartbeat(os.environ.get("VITRINE_HEARTBEATS"))
        self.session = onnxruntime.InferenceSession(
            str(file), _session_options(config["parameters"]), providers=["CPUExecutionProvider"]
        )

    def execute(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        """Run all requests as one batch, and hand each its own rows; if that fails, each alone."""
        try:
            return self._responses(requests)
        except Exception as error:  # nothing of the inside may reach a caller
            if len(requests) > 1:  # one bad request must not harm its neighbours
                return [response for request in requests for response in self.execute([request])]
            pb_utils.Logger.log_error(
                f"request '{requests[0].request_id()[:_MOST_ID_CHARACTERS]}': {type(error).__name__}: {error}"
            )
            self.errors.increment(len(requests))
            failure = pb_utils.TritonError(
                "the engine failed; the server's log has the reason", pb_utils.TritonError.INTERNAL
            )
            return [pb_utils.InferenceResponse(error=failure) for _ in requests]

    def _responses(self, requests: list[pb_utils.InferenceRequest]) -> list[pb_utils.InferenceResponse]:
        arrays = {
            name: [
                tensor.as_numpy()
                for request in requests
                if (tensor := pb_utils.get_input_tensor_by_name(request, name))
            ]
            for name in self.inputs
        }
        if not self.batches or len(requests) == 1:
            return [self._response(self._run({n: a[i] for n, a in arrays.items()})) for i in range(len(requests))]
        outputs = self._run({name: np.concatenate(parts) for name, parts in arrays.items()})
        ends = np.cumsum([len(part) for part in arrays[self.inputs[0]]])[:-1]
        rows = [np.split(output, ends) for output in outputs]
        return [self._response([output[i] for output in rows]) for i in range(len(requests))]

    def _run(self, inputs: dict[str, Any]) -> list[Any]:
        with self.heartbeat.working():
            self.heartbeat.beat()
            return list(self.session.run(self.outputs, inputs))

    def _response(self, outputs: list[Any]) -> Any:
        tensors = [
            pb_utils.Tensor(name, np.ascontiguousarray(a)) for name, a in zip(self.outputs, outputs, strict=True)
        ]
        return pb_utils.InferenceResponse(tensors)


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
    return options


def _array(request: pb_utils.InferenceRequest, name: str) -> Any:
    tensor = pb_utils.get_input_tensor_by_name(request, name)
    assert tensor is not None  # Triton itself refuses a request that lacks an input
    return tensor.as_numpy()
