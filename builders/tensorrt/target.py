"""The two targets that TensorRT compiles: its own plans for the GPU at hand, and those of TensorRT for RTX for any."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from builders.dimensions import BatchRange
from builders.engine_spec import EngineSpec
from builders.errors import BuildError
from builders.options import BuildOptions
from builders.parity.outputs import Engine
from builders.repository.source import read_config
from builders.targets import Target
from builders.tensorrt import api

if TYPE_CHECKING:  # it loads CUDA, which only those have who have TensorRT
    from vitrine_steps.triton.gpu import Gpu

PLAN = "model.plan"
_FP8_FROM = 89
"""First compute capability with FP8."""


def tensorrt_target(options: BuildOptions) -> Target:
    """Plans of the container's TensorRT, for this machine's GPU.

    Raises:
        BuildError: TensorRT or a GPU is missing; says what to do.
    """
    version = api.use_tensorrt(version_compatible=options.plan.version_compatible)
    gpu, why = _gpu_here()
    if gpu is None:
        raise BuildError(why)
    cache = options.cache_folder / f"timing-tensorrt-{version}-sm{gpu.compute_capability}.cache"
    facts = {"tensorrt": version, **_facts(gpu), "options": asdict(options.plan)}
    return _target(options, facts, timing_cache=cache, gpu=gpu)


def tensorrt_rtx_target(options: BuildOptions) -> Target:
    """Plans of TensorRT for RTX, for the GPUs that the options name; they are run here where there is one of them.

    Raises:
        BuildError: TensorRT for RTX is missing, or it knows no such GPU.
    """
    version = api.use_tensorrt_rtx()
    gpu, why = _gpu_here()
    capabilities = _require_known(tuple(options.plan.compute_capability.split(",")), gpu, why)
    _require_fp8(options, capabilities, gpu)
    shown = [_with_point(gpu.compute_capability if gpu and name == "current" else name) for name in capabilities]
    can_run = gpu is not None and gpu.compute_capability in shown
    facts: dict[str, object] = {"tensorrt_rtx": version, "compute_capabilities": shown}
    facts |= _facts(gpu) if gpu and can_run else {}
    facts["options"] = {"workspace_gib": options.plan.workspace_gib}
    return _target(options, facts, compute_capabilities=capabilities, gpu=gpu if can_run else None)


def _gpu_here() -> "tuple[Gpu | None, str]":
    """The first GPU; or None, and why there is none."""
    from vitrine_steps.triton.gpu import NoGpuError, find_gpu

    try:
        return find_gpu(), ""
    except NoGpuError as error:
        return None, str(error)


def _target(
    options: BuildOptions,
    facts: dict[str, object],
    *,
    gpu: "Gpu | None",
    timing_cache: Path | None = None,
    compute_capabilities: tuple[str, ...] = (),
) -> Target:
    from builders.tensorrt.plan import build_plan, write_layers  # once it is known which TensorRT
    from builders.tensorrt.tensors import require_config

    def compile_graph(spec: EngineSpec, graph: Path, engine: Path, batch: BatchRange) -> None:
        tensors = build_plan(
            graph,
            engine,
            batch=BatchRange(1, 1) if spec.one_at_a_time else batch,
            variable=spec.variable_axes(),
            options=options.plan,
            timing_cache=timing_cache,
            compute_capabilities=compute_capabilities,
        )
        require_config(tensors, read_config(engine.parents[1] / "config.pbtxt"))
        if gpu:
            write_layers(engine)

    return Target(PLAN, compile_graph, plan_engine if gpu else None, facts)


def plan_engine(file: Path) -> Engine:
    """Load a plan on the GPU.

    Raises:
        BuildError: it is of another version or another GPU.
    """
    from vitrine_steps.triton.plan import Plan, PlanError

    try:
        plan = Plan(api.trt, file)
    except PlanError as error:
        raise BuildError(str(error)) from error
    return lambda inputs: plan.run(inputs)


def _facts(gpu: "Gpu") -> dict[str, object]:
    return {
        "gpu": gpu.name,
        "compute_capability": gpu.compute_capability,
        "gpu_memory_bytes": gpu.memory_bytes,
        "driver_cuda": gpu.driver_cuda,
    }


def _require_known(names: tuple[str, ...], gpu: "Gpu | None", why: str) -> tuple[str, ...]:
    known = [name for name in api.rtx_gpus() if name != "current"]
    for name in names:
        if name == "current":
            if gpu is None:
                raise BuildError(f"--compute-capability current asks for this machine's GPU, but {why}")
        elif name not in known:
            raise BuildError(
                f"--compute-capability {name}: TensorRT for RTX {api.trt.__version__} builds for {', '.join(known)}, "
                'or for "current", the GPU of this machine'
            )
    return names


def _require_fp8(options: BuildOptions, capabilities: tuple[str, ...], gpu: "Gpu | None") -> None:
    here = gpu.compute_capability.replace(".", "") if gpu else ""
    if options.precision == "fp8-weights" and (
        old := [name for name in capabilities if int(here if name == "current" else name) < _FP8_FROM]
    ):
        raise BuildError(
            f"--precision fp8-weights: GPUs of compute capability {', '.join(old)} have no FP8: build for "
            f"--compute-capability {_FP8_FROM} and newer, or with int8-weights"
        )


def _with_point(name: str) -> str:
    """Write a compute capability as CUDA does: "8.9" for "89"."""
    return name if "." in name else f"{name[:-1]}.{name[-1]}"
