"""Runs a TensorRT plan on the GPU: arrays in, arrays out, with device memory that is kept between runs."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from cuda.bindings import runtime as cuda
from numpy.typing import NDArray

from vitrine_steps.triton.tensorrt_log import log_of

Arrays = dict[str, NDArray[Any]]


class PlanError(RuntimeError):
    """A plan cannot be loaded or run. The message says why."""


def call(result: tuple[Any, ...]) -> Any:
    """Return what a CUDA function gives beside its status.

    Raises:
        PlanError: the status is an error.
    """
    status, *found = result
    if status != cuda.cudaError_t.cudaSuccess:
        _, text = cuda.cudaGetErrorString(status)
        raise PlanError(f"CUDA: {text.decode()}")
    return found[0] if len(found) == 1 else tuple(found)


class Plan:
    """A plan of one optimization profile, ready to run. Not for several threads at once.

    Each tensor has device memory of its own for the largest shape of the profile, so that addresses stay the same
    from run to run, as CUDA graphs need it.
    """

    def __init__(self, trt: Any, file: Path, *, kernels: Path | None = None, captures_graphs: bool = False) -> None:
        """
        Args:
            trt: the module of TensorRT, or of TensorRT for RTX, that wrote the plan.
            kernels: where TensorRT for RTX keeps kernels that it compiles for this GPU; None: it compiles them at
                every start. TensorRT itself has all kernels in the plan.
            captures_graphs: let TensorRT for RTX launch all kernels of a shape as one CUDA graph.

        Raises:
            PlanError: no GPU, too little of its memory, or a plan of another version or GPU.
        """
        self._trt, self._kernels = trt, kernels
        self._log = log_of(trt)
        self._log.clear()
        self._runtime = trt.Runtime(self._log)
        self._runtime.engine_host_code_allowed = True  # only our own plans come here
        self._engine = self._runtime.deserialize_cuda_engine(file.read_bytes())
        if self._engine is None:
            raise PlanError(f"{file.parent.parent.name}: {self._log.reason()}")
        self._stream = call(cuda.cudaStreamCreate())
        self._cache: Any = None
        self._context = self._new_context(captures_graphs)
        if self._context is None:
            raise PlanError(f"{file.parent.parent.name}: {self._log.reason()}")
        names = [self._engine.get_tensor_name(index) for index in range(self._engine.num_io_tensors)]
        self.inputs, self.outputs = (
            [name for name in names if self._engine.get_tensor_mode(name) == mode]
            for mode in (trt.TensorIOMode.INPUT, trt.TensorIOMode.OUTPUT)
        )
        self._dtypes = {name: np.dtype(trt.nptype(self._engine.get_tensor_dtype(name))) for name in names}
        self._memory = self._allocate()
        self._seen: set[tuple[tuple[int, ...], ...]] = set()

    def run(self, arrays: Arrays) -> Arrays:
        """Run once.

        Args:
            arrays: the inputs, of shapes within the profile and the plan's own types.

        Raises:
            PlanError: a shape is outside the profile, or the GPU failed.
        """
        for name in self.inputs:
            array = np.ascontiguousarray(arrays[name], self._dtypes[name])
            if not self._context.set_input_shape(name, array.shape):
                raise PlanError(f"{name} of shape {list(array.shape)} is outside the plan's profile")
            self._copy(self._memory[name], array.ctypes.data, array.nbytes, cuda.cudaMemcpyKind.cudaMemcpyHostToDevice)
        if not self._context.execute_async_v3(int(self._stream)):
            raise PlanError(self._log.reason())
        found = {name: np.empty(self._shape(name), self._dtypes[name]) for name in self.outputs}
        for name, array in found.items():
            self._copy(array.ctypes.data, self._memory[name], array.nbytes, cuda.cudaMemcpyKind.cudaMemcpyDeviceToHost)
        call(cuda.cudaStreamSynchronize(self._stream))
        self._keep_kernels(tuple(arrays[name].shape for name in self.inputs))
        return found

    def close(self) -> None:
        """Give back the device memory."""
        for memory in self._memory.values():
            call(cuda.cudaFree(memory))
        self._memory = {}

    def _new_context(self, captures_graphs: bool) -> Any:
        if not hasattr(self._trt, "IRuntimeCache"):  # TensorRT itself
            return self._engine.create_execution_context()
        config = self._engine.create_runtime_config()
        if captures_graphs:
            config.cuda_graph_strategy = self._trt.CudaGraphStrategy.WHOLE_GRAPH_CAPTURE
        self._cache = config.create_runtime_cache()
        if self._kernels and self._kernels.exists():
            self._cache.deserialize(self._kernels.read_bytes())  # of another GPU or version: it stays empty
        config.set_runtime_cache(self._cache)
        return self._engine.create_execution_context(config)

    def _allocate(self) -> dict[str, int]:
        for name in self.inputs:
            _, _, most = self._engine.get_tensor_profile_shape(name, 0)
            self._context.set_input_shape(name, tuple(most))
        memory: dict[str, int] = {}
        for name, dtype in self._dtypes.items():
            memory[name] = int(call(cuda.cudaMalloc(max(1, int(np.prod(self._shape(name))) * dtype.itemsize))))
            self._context.set_tensor_address(name, memory[name])
        return memory

    def _shape(self, name: str) -> tuple[int, ...]:
        return tuple(int(size) for size in self._context.get_tensor_shape(name))

    def _copy(self, to: int, of: int, size: int, kind: Any) -> None:
        call(cuda.cudaMemcpyAsync(to, of, size, kind, self._stream))

    def _keep_kernels(self, shapes: tuple[tuple[int, ...], ...]) -> None:
        """Write the kernels of a new shape to disk, whole; a folder that cannot be written to costs the next start."""
        if self._cache is None or self._kernels is None or shapes in self._seen:
            return
        self._seen.add(shapes)
        part = self._kernels.with_suffix(f".{os.getpid()}.part")
        try:
            self._kernels.parent.mkdir(exist_ok=True)
            part.write_bytes(memoryview(self._cache.serialize()))
            part.replace(self._kernels)
        except OSError:
            self._kernels = None
