"""What the engines run on: how a graph becomes an engine file, and the facts about it for the manifest."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.dimensions import BatchRange
from builders.engine_spec import EngineSpec
from builders.options import BuildOptions
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine


@dataclass(frozen=True)
class Target:
    engine_file: str
    """Its name in a model's version folder."""
    compile: Callable[[EngineSpec, Path, Path, BatchRange], None]
    """From an engine's graph to its file, for rows of a run up to the batch's."""
    engine: Callable[[Path], Engine] | None
    """From an engine file to what runs it in this process; None: nothing here can."""
    facts: dict[str, Any]
    """For the manifest."""

    def files(self, repository: Path, engines: Sequence[EngineSpec]) -> dict[str, Path]:
        """The engine files, by engine."""
        return {engine.name: repository / engine.name / "1" / self.engine_file for engine in engines}


def target_of(options: BuildOptions) -> Target:
    """
    Raises:
        BuildError: this machine lacks what the target needs; says what, and how to get it.
    """
    match options.target:
        case "onnxruntime":
            return _onnxruntime()
        case "tensorrt":
            from builders.tensorrt.target import tensorrt_target

            return tensorrt_target(options)
        case "tensorrt-rtx":
            from builders.tensorrt.target import tensorrt_rtx_target

            return tensorrt_rtx_target(options)


def _onnxruntime() -> Target:
    def copy_graph(spec: EngineSpec, graph: Path, engine: Path, batch: BatchRange) -> None:
        for file in graph.parent.iterdir():  # large weights lie beside the graph
            shutil.copy(file, engine.parent)  # not linked: onnx refuses weights that have two names

    return Target("model.onnx", copy_graph, onnx_engine, {})
