"""A GPU that is memory of this process, and a plan that doubles its input: what `vitrine_steps.triton.plan` calls.

CUDA's functions are the real ones' names, and return what those return: a status, and what was asked for. What the
classes have is held to the real bindings by `tests/steps/test_plan.py`.
"""

import ctypes
from enum import IntEnum
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

OK, FULL = SimpleNamespace(value=0), SimpleNamespace(value=2)


class Cuda:
    """Functions of `cuda.bindings.runtime`."""

    cudaError_t = SimpleNamespace(cudaSuccess=OK)
    cudaMemcpyKind = SimpleNamespace(cudaMemcpyHostToDevice=1, cudaMemcpyDeviceToHost=2)

    def __init__(self, memory_bytes: int = 2**20) -> None:
        self.memory_bytes, self.held = memory_bytes, dict[int, Any]()

    def cudaGetErrorString(self, status: Any) -> tuple[Any, bytes]:
        return OK, b"out of memory"

    def cudaStreamCreate(self) -> tuple[Any, int]:
        return OK, 7

    def cudaMalloc(self, size: int) -> tuple[Any, int]:
        if size > self.memory_bytes:
            return FULL, 0
        buffer = (ctypes.c_byte * size)()
        self.held[ctypes.addressof(buffer)] = buffer
        return OK, ctypes.addressof(buffer)

    def cudaFree(self, memory: int) -> tuple[Any]:
        del self.held[memory]
        return (OK,)

    def cudaMemcpyAsync(self, to: int, of: int, size: int, kind: int, stream: int) -> tuple[Any]:
        ctypes.memmove(to, of, size)
        return (OK,)

    def cudaStreamSynchronize(self, stream: int) -> tuple[Any]:
        return (OK,)


class TensorIOMode(IntEnum):
    INPUT = 1
    OUTPUT = 2


class Runtime:
    engine_host_code_allowed = False

    def __init__(self, logger: Any) -> None:
        self._logger = logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> Any:
        if serialized_engine != b"plan":
            self._logger.log(ILogger.Severity.ERROR, "plan.header.size == blobSize failed")
            return None
        return ICudaEngine()


class ILogger:
    class Severity(IntEnum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3
        VERBOSE = 4


class IRuntimeCache:
    def __init__(self) -> None:
        self.kernels = b"compiled"

    def deserialize(self, cache: bytes) -> bool:
        self.kernels = cache
        return True

    def serialize(self) -> bytes:
        return self.kernels


class IRuntimeConfig:
    cuda_graph_strategy: Any = None

    def create_runtime_cache(self) -> IRuntimeCache:
        return IRuntimeCache()

    def set_runtime_cache(self, cache: IRuntimeCache) -> bool:
        self.cache = cache
        return True


class CudaGraphStrategy(IntEnum):
    DISABLED = 0
    WHOLE_GRAPH_CAPTURE = 1


class ICudaEngine:
    num_io_tensors = 2

    def get_tensor_name(self, index: int) -> str:
        return ("X", "TWICE")[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name == "X" else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return np.float32

    def get_tensor_profile_shape(self, name: str, profile_index: int) -> list[tuple[int, ...]]:
        return [(1, 3), (2, 3), (4, 3)]

    def create_runtime_config(self) -> IRuntimeConfig:
        return IRuntimeConfig()

    def create_execution_context(self, runtime_config: Any = None) -> "IExecutionContext":
        return IExecutionContext(runtime_config)


class IExecutionContext:
    def __init__(self, config: Any) -> None:
        self.config, self.fails = config, False
        self._shape: tuple[int, ...] = ()
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        self._shape = tuple(shape)
        return 1 <= shape[0] <= 4 and tuple(shape[1:]) == (3,)

    def get_tensor_shape(self, name: str) -> tuple[int, ...]:
        return self._shape

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        assert stream_handle == 7
        x, twice = (self._at(name) for name in ("X", "TWICE"))
        twice[...] = 2 * x
        return not self.fails

    def _at(self, name: str) -> Any:
        size = 4 * int(np.prod(self._shape))
        buffer = (ctypes.c_byte * size).from_address(self._addresses[name])
        return np.frombuffer(memoryview(buffer), np.float32).reshape(self._shape)


def tensorrt(*, rtx: bool = True) -> Any:
    """What stands in for a module of TensorRT; TensorRT itself has no cache of kernels."""
    names = ["ILogger", "Runtime", "TensorIOMode", "ICudaEngine", "IExecutionContext"]
    names += ["IRuntimeCache", "IRuntimeConfig", "CudaGraphStrategy"] if rtx else []
    module: Any = ModuleType("tensorrt_double")
    vars(module).update({name: globals()[name] for name in names}, nptype=lambda dtype: dtype)
    return module
