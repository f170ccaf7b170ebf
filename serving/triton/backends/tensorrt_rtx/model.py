"""The `tensorrt_rtx` backend, which Triton has none of: plans of TensorRT for RTX, on the first GPU that CUDA shows."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import tensorrt_rtx_bindings

from vitrine_steps.triton.engine_backend import EngineBackend, Run
from vitrine_steps.triton.plan import Plan


class TritonPythonModel(EngineBackend):
    default_file = "model.plan"

    def load(self, file: Path, config: dict[str, Any], outputs: Sequence[str]) -> Run:
        repository = file.parents[2]
        kernels = repository.with_name(f"{repository.name}.kernels") / f"{file.parents[1].name}.cache"
        self.plan = Plan(tensorrt_rtx_bindings, file, kernels=kernels, captures_graphs=is_set(config, "cuda_graphs"))

        def run(inputs: dict[str, Any]) -> list[Any]:
            found = self.plan.run(inputs)
            return [found[name] for name in outputs]

        return run

    def finalize(self) -> None:
        self.plan.close()


def is_set(config: dict[str, Any], name: str) -> bool:
    return bool(config["parameters"].get(name, {}).get("string_value") == "1")
