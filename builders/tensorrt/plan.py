"""From an ONNX graph to a TensorRT plan."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from builders.checkpoint.digests import write_whole
from builders.dimensions import BatchRange
from builders.engine_spec import AxisRanges
from builders.errors import BuildError
from builders.tensorrt.api import is_rtx, rtx_gpus, trt
from builders.tensorrt.plan_options import PlanOptions
from builders.tensorrt.progress import ProgressBars
from builders.tensorrt.tensors import PlanTensor, describe_tensors
from vitrine_steps.triton.tensorrt_log import log_of

_GIB = 2**30


def build_plan(
    graph: Path,
    plan: Path,
    *,
    batch: BatchRange,
    variable: Mapping[str, AxisRanges],
    options: PlanOptions,
    timing_cache: Path | None = None,
    compute_capabilities: Sequence[str] = (),
) -> list[PlanTensor]:
    """Write `plan`, and beside it what goes in and out of it, and the log of its build.

    Args:
        graph: ONNX, its batch axis dynamic and first.
        variable: ranges of the axes beside the batch that vary, by input.
        timing_cache: of TensorRT itself: read if it is there, written anew, so that another build of the same kernels
            does not time them again.
        compute_capabilities: of TensorRT for RTX: GPUs that the plan is for, such as "86", or "current" alone.

    Raises:
        BuildError: TensorRT refuses the graph or cannot build it.
        KeyboardInterrupt: interrupted while TensorRT built.
    """
    log = log_of(trt)
    log.clear()
    builder = trt.Builder(log)
    network = parse_graph(builder, graph)
    config = _config(builder, options, compute_capabilities)
    tensors = _add_profile(builder, config, network, batch, variable)
    if timing_cache:
        _use_timing_cache(config, timing_cache)
    serialized = _build(builder, network, config)
    if serialized is None:
        raise BuildError(why_not_built(graph.parent.name, log.reason()))
    write_whole(plan, _bytes_of(serialized))
    if timing_cache:
        write_whole(timing_cache, _bytes_of(config.get_timing_cache().serialize()))
    _write_beside(plan, tensors, [line.replace(str(graph), graph.name) for line in log.lines])
    return tensors


def _build(builder: trt.Builder, network: trt.INetworkDefinition, config: trt.IBuilderConfig) -> trt.IHostMemory | None:
    progress = ProgressBars()
    config.progress_monitor = progress
    serialized = builder.build_serialized_network(network, config)
    if progress.interrupted:
        raise KeyboardInterrupt
    return serialized


def _write_beside(plan: Path, tensors: Sequence[PlanTensor], log: Sequence[str]) -> None:
    plan.with_suffix(".tensors.json").write_text(json.dumps([t.to_json() for t in tensors], indent=1) + "\n", "utf-8")
    plan.with_suffix(".log").write_text("\n".join(log) + "\n", encoding="utf-8")


def why_not_built(engine: str, reason: str) -> str:
    """Say why there is no plan: its compiler tells of too little memory by a word of C++."""
    if "bad_alloc" in reason:
        return (
            f"TensorRT ran out of memory while it built {engine}, which takes about four times the weights: free "
            "memory, or build on a larger machine"
        )
    if "OutOfMemory" in reason or "insufficient memory" in reason.lower():
        return (
            f"TensorRT has too little workspace to build {engine}: give it more with --workspace-gib, or take fewer "
            f"rows a run with --batch-max ({reason})"
        )
    return f"TensorRT cannot build {engine}: {reason}"


def write_layers(plan: Path) -> None:
    """Write what TensorRT made of the graph, kernel by kernel, beside a plan; only a GPU that it is for can tell.

    Raises:
        BuildError: the plan cannot be loaded here.
    """
    runtime = trt.Runtime(log_of(trt))
    runtime.engine_host_code_allowed = True  # only our own plans come here
    engine = runtime.deserialize_cuda_engine(plan.read_bytes())
    if engine is None:
        raise BuildError(f"TensorRT cannot load {plan.parent.parent.name}: {log_of(trt).reason()}")
    layers = engine.create_engine_inspector().get_engine_information(trt.LayerInformationFormat.JSON)
    plan.with_suffix(".layers.json").write_text(layers + "\n", encoding="utf-8")


def parse_graph(builder: trt.Builder, graph: Path) -> trt.INetworkDefinition:
    """Have TensorRT's own parser read an ONNX file.

    Raises:
        BuildError: it refuses a node; names it.
    """
    # Ignored by TensorRT 11, where every network is strongly typed; TensorRT 10 needs it.
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, log_of(trt))
    if not parser.parse_from_file(str(graph)):
        raise BuildError(
            f"TensorRT's parser refuses {graph.parent.name}: {_parser_errors(parser)}; write that part of the network "
            "with other operators"
        )
    return network


def _parser_errors(parser: trt.OnnxParser) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    return "; ".join(f"{error.node_operator()} '{error.node_name()}': {error.desc()}" for error in errors)


def _config(builder: trt.Builder, options: PlanOptions, compute_capabilities: Sequence[str]) -> trt.IBuilderConfig:
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(options.workspace_gib * _GIB))
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    if is_rtx():
        _name_gpus(config, compute_capabilities)
        return config
    config.builder_optimization_level = options.optimization_level
    config.hardware_compatibility_level = {
        "none": trt.HardwareCompatibilityLevel.NONE,
        "same_compute_capability": trt.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY,
        "ampere_plus": trt.HardwareCompatibilityLevel.AMPERE_PLUS,
    }[options.hardware_compatibility]
    if options.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    return config


def _name_gpus(config: Any, compute_capabilities: Sequence[str]) -> None:
    """Say which GPUs a plan of TensorRT for RTX is for; TensorRT itself builds for the one at hand."""
    known = rtx_gpus()
    config.num_compute_capabilities = len(compute_capabilities)
    for index, name in enumerate(compute_capabilities):
        config.set_compute_capability(known[name], index)


def _use_timing_cache(config: trt.IBuilderConfig, file: Path) -> None:
    cache = config.create_timing_cache(file.read_bytes() if file.exists() else b"")
    if not config.set_timing_cache(cache, ignore_mismatch=False):
        # of another GPU or version: start anew
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _bytes_of(memory: trt.IHostMemory) -> memoryview:
    return memoryview(cast(Any, memory))  # it has Python's buffer protocol, which its signatures do not say


def _add_profile(
    builder: trt.Builder,
    config: trt.IBuilderConfig,
    network: trt.INetworkDefinition,
    batch: BatchRange,
    variable: Mapping[str, AxisRanges],
) -> list[PlanTensor]:
    profile = builder.create_optimization_profile()
    tensors = describe_tensors(network, batch, variable)
    for tensor in tensors:
        if tensor.shapes:
            profile.set_shape(tensor.name, *(trt.Dims(shape) for shape in tensor.shapes))
    if config.add_optimization_profile(profile) < 0:
        raise BuildError(f"TensorRT refuses the batch range 1/{batch.opt}/{batch.max}")
    return tensors
