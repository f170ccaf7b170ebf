"""What goes in and out of a plan, as TensorRT itself understood the graph, held to a model's config."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from tritonclient.grpc import model_config_pb2

from builders.dimensions import BatchRange
from builders.engine_spec import AxisRanges
from builders.errors import BuildError
from builders.tensorrt.api import trt

_TRITON_TYPES = {
    "HALF": "TYPE_FP16", "FLOAT": "TYPE_FP32", "BF16": "TYPE_BF16", "INT32": "TYPE_INT32", "INT64": "TYPE_INT64",
    "UINT8": "TYPE_UINT8", "BOOL": "TYPE_BOOL",
}  # fmt: skip


@dataclass(frozen=True)
class PlanTensor:
    name: str
    kind: str
    """"input" or "output"."""
    dtype: str
    """Triton's name of its type, such as "TYPE_FP16"."""
    shape: tuple[int, ...]
    """With the batch first; -1 on axes that vary."""
    shapes: tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]] | None = None
    """Smallest, best and largest shape of an input; None: an output."""

    def to_json(self) -> dict[str, Any]:
        return {name: value for name, value in asdict(self).items() if value is not None}


def describe_tensors(
    network: trt.INetworkDefinition, batch: BatchRange, variable: Mapping[str, AxisRanges]
) -> list[PlanTensor]:
    """Describe a parsed network's inputs, with the shapes that a plan is to take, and its outputs.

    Args:
        variable: ranges of the axes beside the batch that vary, by input.
    """
    found = []
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        shape = _sizes(tensor.shape)
        low, middle, high = variable.get(tensor.name, (shape[1:],) * 3)
        shapes = ((1, *low), (batch.opt, *middle), (batch.max, *high))
        found.append(PlanTensor(tensor.name, "input", _TRITON_TYPES[tensor.dtype.name], shape, shapes))
    for index in range(network.num_outputs):
        tensor = network.get_output(index)
        found.append(PlanTensor(tensor.name, "output", _TRITON_TYPES[tensor.dtype.name], _sizes(tensor.shape)))
    return found


def require_config(tensors: Sequence[PlanTensor], config: model_config_pb2.ModelConfig) -> None:
    """Hold a plan's tensors to the config that Triton serves it by.

    Raises:
        BuildError: a name, a type, a shape or the largest batch differs; lists all that do.
    """
    problems = []
    for kind, declared in (("input", config.input), ("output", config.output)):
        plan = {tensor.name: tensor for tensor in tensors if tensor.kind == kind}
        configs = {tensor.name: tensor for tensor in declared}
        problems += [f"{kind} {name} is in one of them only" for name in sorted(plan.keys() ^ configs.keys())]
        for name in sorted(plan.keys() & configs.keys()):
            dtype = model_config_pb2.DataType.Name(configs[name].data_type)
            if (plan[name].dtype, plan[name].shape[1:]) != (dtype, tuple(configs[name].dims)):
                problems.append(
                    f"{kind} {name} is {plan[name].dtype} {list(plan[name].shape[1:])} in the plan, {dtype} "
                    f"{list(configs[name].dims)} in the config"
                )
    most = {tensor.shapes[2][0] for tensor in tensors if tensor.shapes}
    if most != {config.max_batch_size}:
        problems.append(f"the plan takes {sorted(most)} rows, the config {config.max_batch_size}")
    if problems:
        raise BuildError(f"the plan of {config.name} is not what its config says: {'; '.join(problems)}")


def _sizes(shape: trt.Dims) -> tuple[int, ...]:
    return tuple(int(shape[axis]) for axis in range(len(shape)))
