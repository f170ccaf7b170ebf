"""`python -m benchmarks.engines`: the engines alone, in turn: built repositories beside PyTorch, without a server."""

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch

from builders.checkpoint.load import Checkpoint, load_checkpoint
from builders.errors import BuildError
from builders.parity.compare import Engine, Outputs
from builders.parity.onnx_engine import onnx_engine
from builders.parity.timing import noise_for
from builders.repository.configs import ENGINES, ONE_AT_A_TIME, BuildDimensions

_WARMUP = 5


def main() -> int:
    parser = _parser()
    args = parser.parse_args()
    if min(*args.batch, args.runs) < 1:
        parser.error("--batch and --runs must be at least 1")
    for folder in args.repository:
        if not (folder / "manifest.json").is_file():
            parser.error(f"{folder} has no manifest.json: name a repository that python -m builders has built")
    try:
        checkpoint = load_checkpoint(args.checkpoint)
    except BuildError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    engines = {str(folder): _engines_of(folder) for folder in args.repository}
    manifest = json.loads((args.repository[0] / "manifest.json").read_text("utf-8"))
    rows = []
    for batch in args.batch:
        inputs = noise_for(BuildDimensions(**manifest["dimensions"]), batch)
        for name in ENGINES:
            if batch > 1 and name in ONE_AT_A_TIME:
                continue
            runs: dict[str, Callable[[], Any]] = {
                label: partial(pair[name], inputs[name]) for label, pair in engines.items()
            }
            steps = decode_steps(engines[str(args.repository[0])][name](inputs[name]), manifest, checkpoint)
            shape = (manifest["dimensions"]["answers"], steps)
            runs |= _pytorch_runs(checkpoint, name, inputs[name], shape)
            rows += _measure(name, batch, runs, args.runs)
    if args.json:
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
    files = {name: repository / manifest["engines"][name]["file"] for name in ENGINES}
    if manifest["target"] == "onnxruntime":
        return {name: onnx_engine(file) for name, file in files.items()}
    from builders.tensorrt.gpu import find_gpu
    from builders.tensorrt.runtime import plan_engine  # imports TensorRT

    gpu = find_gpu()
    return {name: plan_engine(file, gpu) for name, file in files.items()}


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
    from builders.graphs.answer_decoder import AnswerDecoder, DecoderOptions
    from builders.graphs.answer_scorer import AnswerScorer
    from builders.graphs.image_encoder import ImageEncoder
    from builders.graphs.precision import with_precision

    model, text = with_precision(checkpoint.model, precision), checkpoint.model.config.text_config
    if name == "image_encoder":
        processor = checkpoint.image_processor
        return ImageEncoder(model.vision_model, processor.image_mean, processor.image_std)
    ids = (text.bos_token_id, text.sep_token_id, text.pad_token_id)
    engine = AnswerScorer if name == "answer_scorer" else AnswerDecoder
    return engine(model.text_encoder, model.text_decoder, DecoderOptions(*answer_shape, *ids, "unrolled"))


def _measure(name: str, batch: int, runs: dict[str, Callable[[], Any]], count: int) -> list[dict[str, Any]]:
    """Each in turn, so that a noisy machine troubles all."""
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


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("repository", type=Path, nargs="+", help="built repositories, for any target")
    parser.add_argument("--checkpoint", required=True, metavar="PATH_OR_HUB_ID", help="what they were built from")
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8], metavar="ROWS", help="default: 1 8")
    parser.add_argument("--runs", type=int, default=100, metavar="N", help="of each, in turn (default: 100)")
    parser.add_argument("--json", action="store_true", help="figures as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
