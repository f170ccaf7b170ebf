"""Time both decode strategies in turn on the same questions."""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnxruntime
import psutil

from builders.checkpoint.checkpoint import Checkpoint
from builders.checkpoint.load import load_checkpoint
from builders.engine_spec import ANSWER_DECODER
from builders.families import family_of
from builders.graphs.cache import export_graphs
from builders.options import STRATEGIES, BuildOptions
from builders.parity.material import parity_material
from builders.parity.outputs import Outputs
from builders.parity.photos import question_tensors
from builders.sizes import dimensions_of
from builders.stages import Stages

if TYPE_CHECKING:
    from benchmarks.decoding import DecodingOptions

_BATCHES = (1, 8)


def measure_strategies(options: "DecodingOptions") -> int:
    """Export both strategies, time them on the same questions, and print the figures. Returns the exit status."""
    checkpoint = load_checkpoint(options.checkpoint)
    rows = []
    with tempfile.TemporaryDirectory(prefix="vitrine-") as folder:
        for answers in options.alternatives:
            build = BuildOptions(options.checkpoint, Path(folder), alternatives=answers)
            files: dict[str, Path] = {
                strategy: _export(checkpoint, build, Path(folder), strategy) for strategy in STRATEGIES
            }
            rows += _compare(checkpoint, build, files, runs=options.runs)
    if options.json:
        print(json.dumps(rows, indent=2))
        return 0
    print(
        f"{'strategy':<10}{'K':>3}{'batch':>7}{'ms, median':>12}{'10th-90th':>16}"
        f"{'file MB':>9}{'RSS MB':>8}{'load s':>8}"
    )
    for r in rows:
        spread = f"{r['p10_ms']:.2f}-{r['p90_ms']:.2f}"
        print(
            f"{r['strategy']:<10}{r['answers']:>3}{r['batch']:>7}{r['median_ms']:>12.2f}{spread:>16}"
            f"{r['file_bytes'] / 1e6:>9.1f}{r['loaded_bytes'] / 1e6:>8.0f}{r['load_s']:>8.2f}"
        )
    return 0


def _export(checkpoint: Checkpoint, build: BuildOptions, folder: Path, strategy: str) -> Path:
    dimensions = dimensions_of(checkpoint, build)
    graphs = export_graphs(
        folder,
        checkpoint,
        dimensions,
        family_of(checkpoint.architecture).engine_specs(dimensions, strategy),
        precision="fp32",
        strategy=strategy,
        stage=Stages(),
    )
    return graphs.file(ANSWER_DECODER)


def _compare(checkpoint: Checkpoint, build: BuildOptions, files: dict[str, Path], *, runs: int) -> list[dict[str, Any]]:
    """Let both strategies answer the same questions in turn, so that a noisy machine troubles both."""
    dimensions = dimensions_of(checkpoint, build)
    _, questions = parity_material(20)
    asked = [question_tensors(checkpoint, text, dimensions.question_tokens) for _, text in questions]
    features = np.random.default_rng(0).normal(size=(1, *dimensions.by_tensor()["IMAGE_FEATURES"])).astype(np.float16)
    features[:, -1] = 0  # the digest
    sessions, load_s = {}, {}
    for strategy, file in files.items():
        start_s = time.perf_counter()
        sessions[strategy] = _open(file)
        load_s[strategy] = time.perf_counter() - start_s
    rows = []
    for batch in _BATCHES:
        times: dict[str, list[float]] = {strategy: [] for strategy in files}
        for run in range(runs + 10):
            picked = [asked[(run * batch + row) % len(asked)] for row in range(batch)]
            inputs: Outputs = {name: np.concatenate([p[name] for p in picked]) for name in picked[0]}
            inputs["IMAGE_FEATURES"] = np.repeat(features, batch, axis=0)
            answers = {}
            for strategy, session in sessions.items():
                start_s = time.perf_counter()
                answers[strategy] = session.run(["ANSWER_IDS"], inputs)[0]
                if run >= 10:  # warm
                    times[strategy].append(1e3 * (time.perf_counter() - start_s))
            assert (answers["loop"] == answers["unrolled"]).all()
        rows += [
            {
                "strategy": strategy,
                "answers": build.alternatives,
                "batch": batch,
                **_spread_ms(times[strategy]),
                "file_bytes": sum(part.stat().st_size for part in file.parent.iterdir()),
                "loaded_bytes": _measure_in_a_process(file),
                "load_s": load_s[strategy],
            }
            for strategy, file in files.items()
        ]
    return rows


def _open(file: Path) -> Any:
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(file), settings)


def _spread_ms(times_ms: list[float]) -> dict[str, float]:
    deciles = statistics.quantiles(times_ms, n=10)
    return {"median_ms": statistics.median(times_ms), "p10_ms": deciles[0], "p90_ms": deciles[-1]}


def _measure_in_a_process(file: Path) -> int:
    command = [sys.executable, "-m", "benchmarks.decoding", "--memory-of", str(file)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure_session_bytes(file: Path) -> int:
    """Measure by how many bytes a graph's session makes this process larger."""
    before = psutil.Process().memory_info().rss
    session = onnxruntime.InferenceSession(str(file))
    assert session
    return int(psutil.Process().memory_info().rss - before)
