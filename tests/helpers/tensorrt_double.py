"""A double of the `tensorrt` package that ONNX Runtime runs: what a build calls, and nothing else.

Every class, method, parameter and enum member here is held to the real
bindings by `test_tensorrt_api.py`. A "plan" is the graph, rewritten to round
as its precision does, behind a header with the version and the GPU that it
was "built" for. Tensors come by address, as on a GPU.
"""

import ctypes
import json
from enum import IntEnum
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import onnx
import onnxruntime

from builders.precision.half import HALF_TYPES, emulate

HERE = {"version": "11.2.1.2", "gpu": "9.0"}
"""The machine that is played; tests change it."""
FAULTS: set[str] = set()
"""What goes wrong: "parse", "build", "run", "interrupt", "profile"."""


class Dims(tuple[int, ...]):
    pass


class NetworkDefinitionCreationFlag(IntEnum):
    STRONGLY_TYPED = 0


class MemoryPoolType(IntEnum):
    WORKSPACE = 0


class ProfilingVerbosity(IntEnum):
    DETAILED = 2


class BuilderFlag(IntEnum):
    VERSION_COMPATIBLE = 11


class HardwareCompatibilityLevel(IntEnum):
    NONE = 0
    AMPERE_PLUS = 1
    SAME_COMPUTE_CAPABILITY = 2


class LayerInformationFormat(IntEnum):
    JSON = 1


class TensorIOMode(IntEnum):
    INPUT = 1
    OUTPUT = 2


class ILogger:
    class Severity(IntEnum):
        INTERNAL_ERROR = 0
        ERROR = 1
        WARNING = 2
        INFO = 3

    def __init__(self) -> None:
        self._initialised = True

    def log(self, severity: Any, msg: str) -> None:
        raise NotImplementedError


class IProgressMonitor:
    def __init__(self) -> None:
        self._initialised = True


class IHostMemory(bytes):
    pass


class ITimingCache:
    def __init__(self, kernels: dict[str, Any]) -> None:
        self._kernels = kernels

    def serialize(self) -> IHostMemory:
        return IHostMemory(json.dumps(self._kernels).encode())


class IOptimizationProfile:
    def __init__(self) -> None:
        self._shapes: dict[str, tuple[list[int], list[int], list[int]]] = {}

    def set_shape(self, input: str, min: Dims, opt: Dims, max: Dims) -> None:
        self._shapes[input] = (list(min), list(opt), list(max))


class IBuilderConfig:
    last: ClassVar["IBuilderConfig | None"] = None

    def __init__(self) -> None:
        IBuilderConfig.last = self
        self.builder_optimization_level = 3
        self.profiling_verbosity: Any = None
        self.hardware_compatibility_level: Any = HardwareCompatibilityLevel.NONE
        self.progress_monitor: Any = None
        self._flags: set[Any] = set()
        self._pools: dict[Any, int] = {}
        self._profiles: list[IOptimizationProfile] = []
        self._cache: ITimingCache | None = None

    def set_memory_pool_limit(self, pool: Any, pool_size: int) -> None:
        self._pools[pool] = pool_size

    def set_flag(self, flag: Any) -> None:
        self._flags.add(flag)

    def add_optimization_profile(self, profile: IOptimizationProfile) -> int:
        if "profile" in FAULTS:
            return -1
        self._profiles.append(profile)
        return len(self._profiles) - 1

    def create_timing_cache(self, serialized_timing_cache: bytes) -> ITimingCache:
        return ITimingCache(json.loads(serialized_timing_cache) if serialized_timing_cache else {"of": dict(HERE)})

    def set_timing_cache(self, cache: ITimingCache, ignore_mismatch: bool) -> bool:
        if cache._kernels["of"] != HERE and not ignore_mismatch:
            return False
        self._cache = cache
        return True

    def get_timing_cache(self) -> ITimingCache:
        assert self._cache
        return self._cache


class ITensor:
    def __init__(self, value: onnx.ValueInfoProto) -> None:
        self.name = value.name
        self.shape = Dims(d.dim_value or -1 for d in value.type.tensor_type.shape.dim)


class INetworkDefinition:
    def __init__(self) -> None:
        self._model: onnx.ModelProto | None = None

    @property
    def num_inputs(self) -> int:
        assert self._model
        return len(self._model.graph.input)

    def get_input(self, index: int) -> ITensor:
        assert self._model
        return ITensor(self._model.graph.input[index])


class ParserError:
    def desc(self) -> str:
        return "operator does not take this type"

    def node_name(self) -> str:
        return "node_loop"

    def node_operator(self) -> str:
        return "Loop"


class OnnxParser:
    def __init__(self, network: INetworkDefinition, logger: ILogger) -> None:
        assert logger._initialised
        self._network = network

    def parse_from_file(self, model: str) -> bool:
        if "parse" in FAULTS:
            return False
        self._network._model = onnx.load(model)
        return True

    @property
    def num_errors(self) -> int:
        return 1 if "parse" in FAULTS else 0

    def get_error(self, index: int) -> ParserError:
        return ParserError()


class Builder:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger

    def create_network(self, flags: int = 0) -> INetworkDefinition:
        assert flags & (1 << NetworkDefinitionCreationFlag.STRONGLY_TYPED), "TensorRT 10 needs it"
        return INetworkDefinition()

    def create_builder_config(self) -> IBuilderConfig:
        return IBuilderConfig()

    def create_optimization_profile(self) -> IOptimizationProfile:
        return IOptimizationProfile()

    def build_serialized_network(self, network: INetworkDefinition, config: IBuilderConfig) -> IHostMemory | None:
        monitor = config.progress_monitor
        assert monitor._initialised
        monitor.phase_start("Building engine", None, 2)
        monitor.phase_start("Timing kernels", "Building engine", 3)
        for step in range(3):
            if "interrupt" in FAULTS and step == 1:
                monitor.interrupted = True
            if not monitor.step_complete("Timing kernels", step):
                return None
        monitor.phase_finish("Timing kernels")
        monitor.phase_finish("Building engine")
        if "build" in FAULTS:
            self._logger.log(ILogger.Severity.ERROR, "could not find any implementation for node Loop")
            return None
        assert network._model and config._cache and config._profiles
        config._cache._kernels[network._model.graph.name] = config.builder_optimization_level
        header = json.dumps({**HERE, "shapes": config._profiles[0]._shapes}).encode()
        return IHostMemory(header + b"\n" + network._model.SerializeToString())


class Runtime:
    def __init__(self, logger: ILogger) -> None:
        self._logger = logger
        self.engine_host_code_allowed = False

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> "ICudaEngine | None":
        header, _, graph = serialized_engine.partition(b"\n")
        built = json.loads(header)
        for what in ("version", "gpu"):
            if built[what] != HERE[what]:
                self._logger.log(ILogger.Severity.ERROR, f"plan was built for {what} {built[what]}, not {HERE[what]}")
                return None
        return ICudaEngine(onnx.ModelProto.FromString(graph), built["shapes"])


class EngineInspector:
    def __init__(self, operators: list[str]) -> None:
        self._operators = operators

    def get_engine_information(self, format: Any) -> str:
        assert format == LayerInformationFormat.JSON
        return json.dumps({"Layers": self._operators})


class ICudaEngine:
    def __init__(self, model: onnx.ModelProto, shapes: dict[str, Any]) -> None:
        self._model, self._shapes = model, shapes
        graph = model.graph
        self._io = {v.name: v.type.tensor_type for v in (*graph.input, *graph.output)}
        self._inputs = {v.name for v in graph.input}

    @property
    def num_io_tensors(self) -> int:
        return len(self._io)

    def get_tensor_name(self, index: int) -> str:
        return list(self._io)[index]

    def get_tensor_mode(self, name: str) -> TensorIOMode:
        return TensorIOMode.INPUT if name in self._inputs else TensorIOMode.OUTPUT

    def get_tensor_dtype(self, name: str) -> Any:
        return self._io[name].elem_type

    def create_execution_context(self) -> "IExecutionContext":
        return IExecutionContext(self)

    def create_engine_inspector(self) -> EngineInspector:
        return EngineInspector([node.op_type for node in self._model.graph.node])


class IExecutionContext:
    def __init__(self, engine: ICudaEngine) -> None:
        self._engine = engine
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}
        halves = {tensor.data_type for tensor in engine._model.graph.initializer} & set(HALF_TYPES.values())
        model = engine._model
        if halves:
            model, _ = emulate(engine._model, halves.pop())
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(model.SerializeToString(), options)

    def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
        least, _, most = self._engine._shapes[name]
        self._shapes[name] = shape
        return all(low <= size <= high for low, size, high in zip(least, shape, most, strict=True))

    def get_tensor_shape(self, name: str) -> Dims:
        sizes = {
            dim.dim_param: size
            for given, shape in self._shapes.items()
            for dim, size in zip(self._engine._io[given].shape.dim, shape, strict=True)
        }
        return Dims(dim.dim_value or sizes[dim.dim_param] for dim in self._engine._io[name].shape.dim)

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._addresses[name] = memory
        return True

    def execute_async_v3(self, stream_handle: int) -> bool:
        if "run" in FAULTS:
            return False
        inputs = {name: self._at(name, self._shapes[name]) for name in self._engine._inputs}
        outputs = [name for name in self._engine._io if name not in self._engine._inputs]
        for name, values in zip(outputs, self._session.run(outputs, inputs), strict=True):
            self._at(name, values.shape)[...] = values
        return True

    def _at(self, name: str, shape: tuple[int, ...]) -> Any:
        dtype = np.dtype(nptype(self._engine.get_tensor_dtype(name)))
        size = int(np.prod(shape)) * dtype.itemsize
        buffer = (ctypes.c_byte * size).from_address(self._addresses[name])
        return np.frombuffer(memoryview(buffer), dtype).reshape(shape)


def nptype(trt_type: int) -> Any:
    return onnx.helper.tensor_dtype_to_np_dtype(trt_type)


def as_module() -> ModuleType:
    """What `import tensorrt` is to find."""
    module = ModuleType("tensorrt")
    for name, value in globals().items():
        if isinstance(value, type) and value.__module__ == __name__:
            setattr(module, name, value)
    module.nptype = nptype  # type: ignore[attr-defined]
    module.__version__ = HERE["version"]  # type: ignore[attr-defined]
    module.__spec__ = __spec__
    module.__file__ = str(Path(__file__))
    return module
