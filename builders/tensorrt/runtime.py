"""A plan as an engine in this process."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorrt as trt
import torch

from builders.errors import BuildError
from builders.parity.outputs import Engine, Outputs
from builders.tensorrt.gpu import Gpu
from builders.tensorrt.log import KeepingLogger


@dataclass(frozen=True)
class LoadedPlan:
    engine: trt.ICudaEngine
    runtime: trt.Runtime
    """Must outlive the engine."""
    logger: KeepingLogger


def load_plan(plan: Path) -> LoadedPlan:
    """
    Raises:
        BuildError: the plan is broken, or of another version or another GPU.
    """
    logger = KeepingLogger()
    runtime = trt.Runtime(logger)
    # Only our own plans come here, and one for several versions carries code for the host with it.
    runtime.engine_host_code_allowed = True
    engine = runtime.deserialize_cuda_engine(plan.read_bytes())
    if engine is None:
        raise BuildError(f"TensorRT {trt.__version__} cannot load {plan.parent.parent.name}: {logger.reason()}")
    return LoadedPlan(engine, runtime, logger)


def sizes_of(shape: trt.Dims) -> tuple[int, ...]:
    return tuple(int(shape[axis]) for axis in range(len(shape)))


def plan_engine(plan: Path, gpu: Gpu) -> Engine:
    """Load `plan` on `gpu`.

    Raises:
        BuildError: the plan is of another version or another GPU.
    """
    loaded = load_plan(plan)
    engine, logger, model = loaded.engine, loaded.logger, plan.parent.parent.name
    context = engine.create_execution_context()
    names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
    outputs = [name for name in names if engine.get_tensor_mode(name) == trt.TensorIOMode.OUTPUT]

    def run(inputs: Outputs) -> Outputs:
        tensors = {name: torch.from_numpy(np.array(a)).to(gpu.device) for name, a in inputs.items()}
        for name, tensor in tensors.items():
            if not context.set_input_shape(name, tuple(tensor.shape)):
                raise BuildError(f"{model} does not take {name} of shape {list(tensor.shape)}: {logger.reason()}")
        for name in outputs:
            shape = sizes_of(context.get_tensor_shape(name))
            dtype = torch.from_numpy(np.empty(0, trt.nptype(engine.get_tensor_dtype(name)))).dtype
            tensors[name] = torch.empty(shape, dtype=dtype, device=gpu.device)
        for name, tensor in tensors.items():
            context.set_tensor_address(name, tensor.data_ptr())
        if not context.execute_async_v3(gpu.stream_handle()):
            raise BuildError(f"{model} failed to run: {logger.reason()}")
        gpu.synchronize()
        return {name: tensors[name].cpu().numpy() for name in outputs}

    return run
