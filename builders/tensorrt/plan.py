"""From an ONNX graph to a TensorRT plan."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import tensorrt as trt

from builders.checkpoint.digests import write_whole
from builders.dimensions import BatchRange
from builders.engine_spec import AxisRanges
from builders.errors import BuildError
from builders.options import PlanOptions
from builders.tensorrt.log import KeepingLogger
from builders.tensorrt.progress import ProgressBars
from builders.tensorrt.runtime import load_plan, sizes_of

_GIB = 2**30


@dataclass(frozen=True)
class Profile:
    """The shapes that a plan takes, per input: smallest, best and largest."""

    shapes: dict[str, tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]]


def build_plan(
    graph: Path,
    plan: Path,
    *,
    batch: BatchRange,
    variable: Mapping[str, AxisRanges],
    options: PlanOptions,
    timing_cache: Path,
) -> None:
    """Write `plan`, and beside it its optimization profile and its layers as JSON.

    Args:
        graph: ONNX, its batch axis dynamic and first.
        variable: ranges of the axes beside the batch that vary, by input.
        timing_cache: read if it is there, written anew: another build of the
            same kernels does not time them again.

    Raises:
        BuildError: TensorRT refuses the graph or cannot build it.
        KeyboardInterrupt: interrupted while TensorRT built.
    """
    logger = KeepingLogger()
    builder = trt.Builder(logger)
    network = _parse(builder, graph, logger)
    config = _config(builder, options)
    profile = _add_profile(builder, config, network, batch, variable)
    _use_timing_cache(config, timing_cache)
    progress = ProgressBars()
    config.progress_monitor = progress
    serialized = builder.build_serialized_network(network, config)
    if progress.interrupted:
        raise KeyboardInterrupt
    if serialized is None:
        raise BuildError(f"TensorRT cannot build {graph.parent.name}: {logger.reason()}")
    write_whole(plan, _bytes_of(serialized))
    write_whole(timing_cache, _bytes_of(config.get_timing_cache().serialize()))
    plan.with_suffix(".profile.json").write_text(json.dumps(profile.shapes, indent=2) + "\n", encoding="utf-8")
    plan.with_suffix(".layers.json").write_text(json.dumps(_layers(plan), indent=1) + "\n", encoding="utf-8")


def _parse(builder: trt.Builder, graph: Path, logger: KeepingLogger) -> trt.INetworkDefinition:
    # Ignored by TensorRT 11, where every network is strongly typed; TensorRT 10 needs it.
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    if not parser.parse_from_file(str(graph)):
        raise BuildError(f"TensorRT's parser refuses {graph.parent.name}: {_parser_errors(parser)}")
    return network


def _use_timing_cache(config: trt.IBuilderConfig, file: Path) -> None:
    cache = config.create_timing_cache(file.read_bytes() if file.exists() else b"")
    if not config.set_timing_cache(cache, ignore_mismatch=False):
        # of another GPU or version: start anew
        config.set_timing_cache(config.create_timing_cache(b""), ignore_mismatch=False)


def _bytes_of(memory: trt.IHostMemory) -> memoryview:
    return memoryview(cast(Any, memory))  # it has Python's buffer protocol, which its signatures do not say


def _parser_errors(parser: trt.OnnxParser) -> str:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    return "; ".join(f"{error.node_operator()} '{error.node_name()}': {error.desc()}" for error in errors)


def _config(builder: trt.Builder, options: PlanOptions) -> trt.IBuilderConfig:
    config = builder.create_builder_config()
    config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, int(options.workspace_gib * _GIB))
    config.builder_optimization_level = options.optimization_level
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    config.hardware_compatibility_level = {
        "none": trt.HardwareCompatibilityLevel.NONE,
        "same_compute_capability": trt.HardwareCompatibilityLevel.SAME_COMPUTE_CAPABILITY,
        "ampere_plus": trt.HardwareCompatibilityLevel.AMPERE_PLUS,
    }[options.hardware_compatibility]
    if options.version_compatible:
        config.set_flag(trt.BuilderFlag.VERSION_COMPATIBLE)
    return config


def _add_profile(
    builder: trt.Builder,
    config: trt.IBuilderConfig,
    network: trt.INetworkDefinition,
    batch: BatchRange,
    variable: Mapping[str, AxisRanges],
) -> Profile:
    profile = builder.create_optimization_profile()
    shapes = {}
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        fixed = sizes_of(tensor.shape)[1:]
        low, middle, high = variable.get(tensor.name, (fixed, fixed, fixed))
        least, opt, most = (1, *low), (batch.opt, *middle), (batch.max, *high)
        profile.set_shape(tensor.name, trt.Dims(least), trt.Dims(opt), trt.Dims(most))
        shapes[tensor.name] = (least, opt, most)
    if config.add_optimization_profile(profile) < 0:
        raise BuildError(f"TensorRT refuses the batch range 1/{batch.opt}/{batch.max}")
    return Profile(shapes)


def _layers(plan: Path) -> Any:
    """What TensorRT made of the graph, kernel by kernel."""
    inspector = load_plan(plan).engine.create_engine_inspector()
    return json.loads(inspector.get_engine_information(trt.LayerInformationFormat.JSON))
