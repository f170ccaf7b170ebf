"""Serves one engine under Triton's Python backend, where Triton has no backend of its own for it."""

from __future__ import annotations  # some of Triton's names exist for type checkers only

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import triton_python_backend_utils as pb_utils
from numpy.typing import NDArray

from vitrine_steps.triton.heartbeat import Heartbeat

_MOST_ID_CHARACTERS = 80
"""Characters of a request's id that a log may hold: it is a caller's."""

Run = Callable[[dict[str, NDArray[Any]]], list[NDArray[Any]]]
"""From an engine's inputs to its outputs, in the order of the config."""


class EngineBackend:
    """The `TritonPythonModel` of an engine; a subclass says in `load` how one is loaded."""

    default_file: str
    """Name of the engine file where the config names none."""

    @staticmethod
    def auto_complete_config(config: Any) -> Any:
        return config  # the repository's configs are complete

    def load(self, file: Path, config: dict[str, Any], outputs: Sequence[str]) -> Run:
        """Load an engine file.

        Args:
            config: of the model, as Triton gives it.
            outputs: their names, in the order in which a run has to return them.
        """
        raise NotImplementedError

    def initialize(self, args: dict[str, str]) -> None:
        config = json.loads(args["model_config"])
        self.inputs = [tensor["name"] for tensor in config["input"]]
        self.outputs = [tensor["name"] for tensor in config["output"]]
        self.batches = config["max_batch_size"] > 0
        # As the steps count theirs; the family must outlive its metric.
        self.family = pb_utils.MetricFamily(
            name="vitrine_errors_total",
            description="Requests that a step answered with an error",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self.errors = self.family.Metric(labels={"model": args["model_name"], "code": "INTERNAL"})
        self.heartbeat = Heartbeat(os.environ.get("VITRINE_HEARTBEATS"))
        folder = Path(args["model_repository"]) / args["model_version"]
        self.run = self.load(folder / (config["default_model_filename"] or self.default_file), config, self.outputs)

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

    def _run(self, inputs: dict[str, NDArray[Any]]) -> list[NDArray[Any]]:
        with self.heartbeat.working():
            self.heartbeat.beat()
            return self.run(inputs)

    def _response(self, outputs: Sequence[NDArray[Any]]) -> pb_utils.InferenceResponse:
        return pb_utils.InferenceResponse(
            [pb_utils.Tensor(name, np.ascontiguousarray(a)) for name, a in zip(self.outputs, outputs, strict=True)]
        )
