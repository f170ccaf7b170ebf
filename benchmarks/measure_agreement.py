"""Measure one server by our load test and by NVIDIA's perf_analyzer, in turn."""

import base64
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from google.protobuf import text_format
from tqdm import tqdm

from builders.repository.manifest import renew_digests
from builders.repository.source import read_config
from loadtest.photos import draw_photos
from loadtest.plan import plan_requests
from loadtest.scenario import Scenario
from serving.supervision.server import EmbeddedServer
from serving.triton.command import ServerSettings

if TYPE_CHECKING:
    from benchmarks.agreement import AgreementOptions

SCENARIO = Scenario("agreement")
"""Every photo new, one question about each, half of them in Chinese: no request is cheaper than another."""
PHOTOS = 100
_WARM_UP_S = 5
PERCENTILES = ("p50", "p90", "p99")


def measure_both(options: "AgreementOptions") -> int:
    """Measure with both tools in turn, and print what they found. Returns the exit status."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        with_flat_vqa(options.repository, work / "repository")
        renew_digests(work / "repository")
        (work / "input.json").write_text(json.dumps(perf_analyzer_input()), "utf-8")
        (work / "agreement.yaml").write_text("name: agreement\n", "utf-8")
        settings = ServerSettings(work / "repository", grpc_port=0, metrics_port=None, open_administration=True)
        found: dict[str, list[dict[str, float]]] = {"loadtest": [], "perf_analyzer": []}
        with EmbeddedServer(settings) as server:
            perf_analyzer(options, server.url, work, _WARM_UP_S)  # the first requests are slow for either
            for number in tqdm(range(options.rounds), desc="rounds"):
                found["loadtest"].append(loadtest(options, server.url, work, number))
                found["perf_analyzer"].append(perf_analyzer(options, server.url, work, options.seconds))
    medians = {tool: _medians(rounds) for tool, rounds in found.items()}
    print(f"{options.rate:g} requests/s at even distances, {options.rounds} rounds of {options.seconds} s each; ms")
    print(f"{'':16}" + "".join(f"{name:>24}" for name in PERCENTILES))
    for tool, rounds in found.items():
        cells = []
        for name in PERCENTILES:
            values = [one[name] for one in rounds]
            cells.append(f"{medians[tool][name]:.2f} ({min(values):.2f} to {max(values):.2f})")
        print(f"{tool:16}" + "".join(f"{cell:>24}" for cell in cells))
    ratios = {name: medians["loadtest"][name] / medians["perf_analyzer"][name] for name in PERCENTILES}
    print(f"{'ours / theirs':16}" + "".join(f"{ratio:>24.3f}" for ratio in ratios.values()))
    if options.json:
        options.json.write_text(json.dumps({"rounds": found, "ratios": ratios}, indent=2) + "\n", "utf-8")
    return 0


def with_flat_vqa(repository: Path, copy: Path) -> None:
    """A repository whose `vqa` names all steps itself: perf_analyzer cannot read an ensemble in an ensemble."""
    shutil.copytree(repository, copy, symlinks=True)
    file = copy / "vqa" / "config.pbtxt"
    config, inner = read_config(file), read_config(copy / "image_features" / "config.pbtxt")
    steps = list(config.ensemble_scheduling.step)
    [nested] = [step for step in steps if step.model_name == "image_features"]
    del config.ensemble_scheduling.step[:]
    for step in inner.ensemble_scheduling.step:
        flat = config.ensemble_scheduling.step.add()
        flat.CopyFrom(step)
        for mapping, outer in ((flat.input_map, nested.input_map), (flat.output_map, nested.output_map)):
            for tensor, name in mapping.items():
                mapping[tensor] = outer.get(name, name)
    config.ensemble_scheduling.step.extend(step for step in steps if step is not nested)
    file.write_text(text_format.MessageToString(config), "utf-8")


def perf_analyzer_input() -> dict[str, Any]:
    """The load test's own requests in perf_analyzer's format: bytes as Triton lays them out, in base64."""
    photos = draw_photos(PHOTOS, SCENARIO.photo_long_side_px)
    return {
        "data": [
            {
                "IMAGE": _bytes_tensor(photos.photo(request.photo)),
                "QUESTION": _bytes_tensor(request.question.encode("utf-8")),
                "MAX_RISK": {"content": [0.01], "shape": [1]},
            }
            for request in islice(plan_requests(SCENARIO, 0), PHOTOS)
        ]
    }


def perf_analyzer(options: "AgreementOptions", url: str, work: Path, seconds: int) -> dict[str, float]:
    """Milliseconds of the requests that it sent in `seconds`."""
    export = work / "perf_analyzer.csv"
    export.unlink(missing_ok=True)
    command = [str(options.perf_analyzer), "-m", "vqa", "-u", url, "-i", "grpc", "--async"]
    command += ["--input-data", str(work / "input.json"), "--request-rate-range", f"{options.rate:g}"]
    command += ["--request-distribution", "constant", "--request-count", str(round(options.rate * seconds))]
    command += ["-f", str(export)]
    libraries = os.pathsep.join(filter(None, (str(options.libraries or ""), os.environ.get("LD_LIBRARY_PATH"))))
    done = subprocess.run(
        command, env={**os.environ, "LD_LIBRARY_PATH": libraries}, capture_output=True, text=True, check=False
    )
    if not export.exists():
        sys.exit(f"error: perf_analyzer ended with {done.returncode}: {(done.stdout + done.stderr)[-1500:]}")
    [row] = csv.DictReader(export.read_text("utf-8").splitlines())
    return {name: float(row[f"{name} latency"]) / 1000 for name in PERCENTILES}


def loadtest(options: "AgreementOptions", url: str, work: Path, number: int) -> dict[str, float]:
    """Milliseconds of the requests that `python -m loadtest` sent after its warm-up."""
    output = work / f"load-{number}"
    command = [sys.executable, "-m", "loadtest", "run", "--url", url, "--output", str(output)]
    command += ["--scenario", str(work / "agreement.yaml"), "--rate", f"{options.rate:g}", "--arrivals", "constant"]
    command += ["--duration", str(options.seconds + _WARM_UP_S), "--warm-up", str(_WARM_UP_S)]
    command += ["--photo-count", str(PHOTOS)]
    subprocess.run(command, check=True, capture_output=True)
    found = json.loads((output / "report.json").read_text("utf-8"))["figures"]["latency_ms"]["all"]
    return {name: float(found[name]) for name in PERCENTILES}


def _bytes_tensor(content: bytes) -> dict[str, Any]:
    framed = len(content).to_bytes(4, "little") + content
    return {"content": {"b64": base64.b64encode(framed).decode()}, "shape": [1]}


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(one[name] for one in rounds) for name in PERCENTILES}
