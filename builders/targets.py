"""What the engines run on: how a graph becomes an engine file, and the facts about it for the manifest."""

import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from builders.dimensions import BatchRange
from builders.engine_spec import ENGINES, EngineSpec
from builders.options import BuildOptions
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine


@dataclass(frozen=True)
class Target:
    engine_file: str
    """Its name in a model's version folder."""
    compile: Callable[[EngineSpec, Path, Path, BatchRange], None]
    """From an engine's graph to its file, for rows of a run up to the batch's."""
    engine: Callable[[Path], Engine]
    """The engine file, ready to run in this process."""
    facts: dict[str, Any]
    """For the manifest."""

    def files(self, repository: Path) -> dict[str, Path]:
        """The engine files, by engine."""
        return {name: repository / name / "1" / self.engine_file for name in ENGINES}


def target_of(options: BuildOptions) -> Target:
    """
    Raises:
        BuildError: this machine lacks what the target needs; says what, and which container has it.
    """
    return _tensorrt(options) if options.target == "tensorrt" else _onnxruntime()


def _onnxruntime() -> Target:
    def copy_graph(spec: EngineSpec, graph: Path, engine: Path, batch: BatchRange) -> None:
        for file in graph.parent.iterdir():  # large weights lie beside the graph
            shutil.copy(file, engine.parent)  # not linked: onnx refuses weights that have two names

    return Target("model.onnx", copy_graph, onnx_engine, {})


def _tensorrt(options: BuildOptions) -> Target:
    from builders.tensorrt.gpu import find_gpu, require_tensorrt

    version = require_tensorrt(version_compatible=options.plan.version_compatible)
    gpu = find_gpu()

    # These import TensorRT.
    from builders.tensorrt.plan import build_plan
    from builders.tensorrt.runtime import plan_engine

    timing_cache = options.cache_folder / f"timing-tensorrt-{version}-sm{gpu.compute_capability}.cache"

    def compile_plan(spec: EngineSpec, graph: Path, engine: Path, batch: BatchRange) -> None:
        build_plan(
            graph,
            engine,
            batch=BatchRange(1, 1) if spec.one_at_a_time else batch,
            variable=spec.variable_axes(),
            options=options.plan,
            timing_cache=timing_cache,
        )

    facts = {
        "tensorrt": version,
        "cuda": gpu.cuda,
        "driver": gpu.driver,
        "gpu": gpu.name,
        "compute_capability": gpu.compute_capability,
        "gpu_memory_bytes": gpu.memory_bytes,
        "options": asdict(options.plan),
    }
    return Target("model.plan", compile_plan, lambda file: plan_engine(file, gpu), facts)
