"""Engines of built repositories beside PyTorch's, timed in turn, without a server."""

import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from builders.checkpoint.checkpoint import Checkpoint
from builders.checkpoint.load import load_checkpoint
from builders.dimensions import BuildDimensions
from builders.engine_spec import noise_for
from builders.families import family_of
from builders.parity.onnx_engine import onnx_engine
from builders.parity.outputs import Engine, Outputs

if TYPE_CHECKING:
    from benchmarks.engines import EngineOptions

_WARMUP = 5


def measure_engines(options: "EngineOptions") -> int:
    """Time all engines of all repositories in turn, and print the figures. Returns the exit status."""
    checkpoint = load_checkpoint(options.checkpoint)
    engines = {str(folder): _engines_of(folder) for folder in options.repository}
    manifest = json.loads((options.repository[0] / "manifest.json").read_text("utf-8"))
    dimensions = BuildDimensions(**manifest["dimensions"])
    specs = family_of(checkpoint.architecture).engine_specs(dimensions, manifest["decode_strategy"])
    rows = []
    for batch in options.batch:
        for spec in specs:
            if batch > 1 and spec.one_at_a_time:
                continue
            name, inputs = spec.name, noise_for(spec, batch)
            runs: dict[str, Callable[[], Any]] = {label: partial(pair[name], inputs) for label, pair in engines.items()}
            steps = decode_steps(engines[str(options.repository[0])][name](inputs), manifest, checkpoint)
            shape = (manifest["dimensions"]["answers"], steps)
            runs |= _pytorch_runs(checkpoint, name, inputs, shape)
            rows += _measure(name, batch, runs, options.runs)
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(f"{'engine':<16}{'runs on':<40}{'batch':>6}{'ms, median':>12}{'10th-90th':>18}")
    for row in rows:
        spread = f"{row['p10_ms']:.2f}-{row['p90_ms']:.2f}"
        print(f"{row['engine']:<16}{row['runs_on']:<40}{row['batch']:>6}{row['median_ms']:>12.2f}{spread:>18}")
    return 0


def decode_steps(outputs: Outputs, manifest: dict[str, Any], checkpoint: Checkpoint) -> int:
    """That a run took: of a loop as many as the longest answer has tokens, its end counted in; written out, all."""
    if "ANSWER_IDS" not in outputs or manifest["decode_strategy"] == "unrolled":
        return int(manifest["dimensions"]["answer_tokens"])
    padding = checkpoint.model.config.text_config.pad_token_id
    return int((outputs["ANSWER_IDS"] != padding).sum(-1).max())


def _engines_of(repository: Path) -> dict[str, Engine]:
    manifest = json.loads((repository / "manifest.json").read_text("utf-8"))
    files = {name: repository / manifest["engines"][name]["file"] for name in manifest["engines"]}
    if manifest["target"] == "onnxruntime":
        return {name: onnx_engine(file) for name, file in files.items()}
    from builders.tensorrt import api
    from builders.tensorrt.target import plan_engine

    if manifest["target"] == "tensorrt":
        api.use_tensorrt(version_compatible=True)
    else:
        api.use_tensorrt_rtx()
    return {name: plan_engine(file) for name, file in files.items()}


def _pytorch_runs(
    checkpoint: Checkpoint, name: str, inputs: Outputs, answer_shape: tuple[int, int]
) -> dict[str, Callable[[], Any]]:
    """The graphs' own modules in eager PyTorch: FP32 and, on a GPU, FP16."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    runs: dict[str, Callable[[], Any]] = {}
    for precision in ("fp32", "fp16") if device == "cuda" else ("fp32",):
        module = pytorch_module(checkpoint, name, precision, answer_shape).eval().to(device)

        def run(module: Any = module) -> Any:
            with torch.inference_mode(), torch.device(device):
                return [t.cpu() for t in module(*(torch.from_numpy(a).to(device) for a in inputs.values()))]

        runs[f"PyTorch {precision} on {device}"] = run
    return runs


def pytorch_module(checkpoint: Checkpoint, name: str, precision: str, answer_shape: tuple[int, int]) -> torch.nn.Module:
    """An engine's own module in eager PyTorch, its decode steps written out.

    Args:
        answer_shape: answers to a question, and tokens of each.
    """

    parts, (answers, answer_tokens) = checkpoint.parts, answer_shape
    dimensions = BuildDimensions(
        parts.image_px, parts.image_tokens, parts.image_width, parts.grid, parts.max_text_tokens, answers, answer_tokens
    )
    specs = {spec.name: spec for spec in family_of(checkpoint.architecture).engine_specs(dimensions, "unrolled")}
    module: torch.nn.Module = specs[name].module(checkpoint, precision)
    return module


def _measure(name: str, batch: int, runs: dict[str, Callable[[], Any]], count: int) -> list[dict[str, Any]]:
    """Time each in turn, so that a noisy machine troubles all."""
    times: dict[str, list[float]] = {label: [] for label in runs}
    for number in range(count + _WARMUP):
        for label, run in runs.items():
            start_s = time.perf_counter()
            run()
            if number >= _WARMUP:
                times[label].append(1e3 * (time.perf_counter() - start_s))
    rows = []
    for label, measured in times.items():
        deciles = statistics.quantiles(measured, n=10)
        rows.append(
            {
                "engine": name,
                "runs_on": label,
                "batch": batch,
                "median_ms": statistics.median(measured),
                "p10_ms": deciles[0],
                "p90_ms": deciles[-1],
            }
        )
    return rows
