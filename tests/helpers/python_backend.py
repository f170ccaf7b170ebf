"""Triton's Python backend for tests of the steps' adapters in this process: tensors, requests, errors and counters."""

import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from google.protobuf import text_format
from google.protobuf.json_format import MessageToDict
from tritonclient.grpc import model_config_pb2

COUNTS: Counter[tuple[str, ...]] = Counter()
"""Increments of each metric: its family, then the values of its labels in their order."""
LOGGED: list[str] = []


@dataclass(frozen=True)
class Tensor:
    _name: str
    value: np.ndarray

    def name(self) -> str:
        return self._name

    def as_numpy(self) -> np.ndarray:
        return self.value


class TritonError(Exception):
    UNKNOWN, INTERNAL, NOT_FOUND, INVALID_ARG, UNAVAILABLE, UNSUPPORTED, ALREADY_EXISTS, CANCELLED = range(8)

    def __init__(self, message: str, code: int = UNKNOWN) -> None:
        super().__init__(message)
        self.message, self.code = message, code


@dataclass
class InferenceRequest:
    tensors: dict[str, np.ndarray]
    cancelled: bool = False
    id: str = "7"

    def request_id(self) -> str:
        return self.id

    def is_cancelled(self) -> bool:
        return self.cancelled


@dataclass
class InferenceResponse:
    output_tensors: Sequence[Tensor] = field(default_factory=list)
    error: TritonError | None = None

    def tensor(self, name: str) -> np.ndarray:
        assert self.error is None, self.error
        (found,) = [tensor.value for tensor in self.output_tensors if tensor.name() == name]
        return found


class _Metric:
    def __init__(self, key: tuple[str, ...]) -> None:
        self.key = key

    def increment(self, value: float) -> None:
        COUNTS[self.key] += int(value)


class MetricFamily:
    COUNTER, GAUGE, HISTOGRAM = range(3)

    def __init__(self, *, name: str, description: str, kind: int) -> None:
        assert description
        assert kind == self.COUNTER
        self.name = name

    def Metric(self, *, labels: Mapping[str, str]) -> _Metric:  # noqa: N802  Triton's name
        return _Metric((self.name, *labels.values()))


class Logger:
    @staticmethod
    def log_error(message: str) -> None:
        LOGGED.append(message)


def get_input_tensor_by_name(request: InferenceRequest, name: str) -> Tensor | None:
    return Tensor(name, request.tensors[name]) if name in request.tensors else None


@contextmanager
def python_backend() -> Iterator[None]:
    """Stand in for `triton_python_backend_utils` while the block imports and runs adapters."""
    module = ModuleType("triton_python_backend_utils")
    for name in (
        "Tensor", "TritonError", "InferenceRequest", "InferenceResponse", "MetricFamily", "Logger",
        "get_input_tensor_by_name",
    ):  # fmt: skip
        setattr(module, name, globals()[name])
    sys.modules["triton_python_backend_utils"] = module
    COUNTS.clear()
    LOGGED.clear()
    try:
        yield
    finally:
        del sys.modules["triton_python_backend_utils"]


def load_step(repository: Path, name: str) -> Any:
    """Make the adapter of a built repository's Python model, and initialise it as Triton does."""
    config = text_format.Parse((repository / name / "config.pbtxt").read_text("utf-8"), model_config_pb2.ModelConfig())
    step = import_module(f"vitrine_steps.models.{name}").TritonPythonModel()
    step.initialize(
        {
            "model_config": json.dumps(MessageToDict(config, preserving_proto_field_name=True)),
            "model_repository": str(repository / name),
            "model_version": "1",
            "model_name": name,
        }
    )
    return step


def ask(step: Any, **tensors: np.ndarray) -> InferenceResponse:
    """Send one request to an adapter."""
    (response,) = step.execute([InferenceRequest(tensors)])
    found: InferenceResponse = response
    return found
