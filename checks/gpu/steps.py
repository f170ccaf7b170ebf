"""The steps of the check: the commands that each runs, and the rules that it answers."""

import json
import os
import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from vitrine_client import VitrineError, VqaClient

from builders.engine_spec import ENGINES, IMAGE_ENCODER
from builders.repository.source import read_config
from catalogue.photos import photo_from_seed
from checks.gpu.report import FAILED, PASSED, Verdict
from checks.gpu.rules import cache_rule, cuda_graphs_rule, parity_rule, weights_rule
from loadtest.report import read_report
from loadtest.slo import read_slo

_COMPOSE = ["docker", "compose", "-p", "vitrine-gpu-check", "-f", "docker-compose.yml", "-f", "deploy/gpu-check.yml"]
_TO_BUILD = [*_COMPOSE, "--profile", "build"]
_PHOTO_SEED = 10**6
_LINES_SHOWN = 15


@dataclass(frozen=True)
class Check:
    """Places and addresses that the steps share."""

    root: Path
    """The checkout."""
    folder: Path
    """Folder of builds and reports; below build/, which the builder can write."""
    checkpoint: str
    grpc_port: int
    metrics_port: int

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "VITRINE_REPOSITORY": f"./{self.repository('loop')}",
            "VITRINE_GRPC_PORT": str(self.grpc_port),
            "VITRINE_METRICS_PORT": str(self.metrics_port),
            "VITRINE_UID": str(os.getuid()),
            "VITRINE_GID": str(os.getgid()),
        }

    def repository(self, name: str) -> Path:
        return (self.folder / name).relative_to(self.root)


@dataclass(frozen=True)
class Step:
    name: str
    commands: Callable[[Check], list[list[str]]]
    """Run in turn; one that fails ends the step."""
    rules: Callable[[Check, str], list[Verdict]]
    """Function of all that the commands printed."""
    stops: bool = True
    """Whether the steps after it are of no use when it fails."""


def container_steps() -> list[Step]:
    return [
        Step("this host has Docker and a GPU", lambda c: [["docker", "info"], ["nvidia-smi"]], judge_nothing),
        Step("the compose file is valid", lambda c: [[*_TO_BUILD, "config", "-q"]], judge_nothing),
        Step("images are built", lambda c: [[*_TO_BUILD, "build", "builder", "triton"]], judge_nothing),
        _build("loop", ["--target=tensorrt", "--decode-strategy=loop"]),
        _build("unrolled", ["--target=tensorrt", "--decode-strategy=unrolled"]),
        _build("onnxruntime", ["--target=onnxruntime"]),
        Step("plans, ONNX Runtime and PyTorch side by side", _side_by_side, judge_timings, stops=False),
        Step("Triton starts and answers its health check", _up, judge_nothing),
        Step(
            "CUDA graphs and cache",
            lambda c: [[*_COMPOSE, "logs", "--no-color", "triton"]],
            _graphs_and_cache,
            stops=False,
        ),
        Step("end-to-end tests against it", _end_to_end, judge_nothing, stops=False),
        Step("load test", _load_test, judge_load_test, stops=False),
    ]


def run_step(step: Step, check: Check) -> list[Verdict]:
    """Run the step's commands, and judge; a command that fails is a verdict that says how it ended."""
    printed = ""
    for command in step.commands(check):
        start_s = time.perf_counter()
        print(f"  $ {' '.join(command)}", flush=True)
        try:
            done = subprocess.run(
                command, cwd=check.root, env=check.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, check=False,
            )  # fmt: skip
        except OSError as error:
            return [Verdict(step.name, FAILED, f"`{command[0]}` cannot be run: {error.strerror}")]
        with (check.folder / "log.txt").open("a", encoding="utf-8") as log:
            log.write(f"$ {' '.join(command)}\n{done.stdout}\n")
        printed += done.stdout
        if done.returncode:
            last = "\n".join(done.stdout.strip().splitlines()[-_LINES_SHOWN:])
            return [Verdict(step.name, FAILED, f"`{' '.join(command)}` ended with {done.returncode}:\n{last}")]
        print(f"    {time.perf_counter() - start_s:.1f} s", flush=True)
    try:
        return step.rules(check, printed) or [Verdict(step.name, PASSED, "")]
    except (OSError, ValueError, KeyError, VitrineError) as error:
        return [Verdict(step.name, FAILED, f"{type(error).__name__}: {error}")]


@contextmanager
def server_taken_down(check: Check) -> Iterator[None]:
    """Leave no container, whatever happens inside."""
    try:
        yield
    finally:
        subprocess.run([*_COMPOSE, "down"], cwd=check.root, env=check.environment, capture_output=True, check=False)


def judge_nothing(check: Check, printed: str) -> list[Verdict]:
    return []


def _build(name: str, options: list[str]) -> Step:
    def commands(check: Check) -> list[list[str]]:
        where = [f"--checkpoint={check.checkpoint}", f"--output={check.repository(name)}", "--parity-photos=143"]
        return [[*_COMPOSE, "run", "--rm", "builder", *where, *options]]

    def rules(check: Check, printed: str) -> list[Verdict]:
        manifest = json.loads((check.folder / name / "manifest.json").read_text("utf-8"))
        return [parity_rule(name, manifest), weights_rule(name, manifest)]

    return Step(f"{name}: the engines are built and held to PyTorch", commands, rules)


def _side_by_side(check: Check) -> list[list[str]]:
    repositories = [str(check.repository(name)) for name in ("loop", "unrolled", "onnxruntime")]
    inside = ["-m", "benchmarks.engines", "--checkpoint", check.checkpoint, "--json", *repositories]
    return [[*_COMPOSE, "run", "--rm", "--entrypoint", "python3", "builder", *inside]]


def judge_timings(check: Check, printed: str) -> list[Verdict]:
    figures, _ = json.JSONDecoder().raw_decode(printed[printed.index("[\n") :])  # compose's own words around it
    found = "; ".join(f"{r['engine']} {r['runs_on']} x{r['batch']}: {r['median_ms']:.2f} ms" for r in figures)
    return [Verdict("plans, ONNX Runtime and PyTorch side by side", PASSED, found, {"rows": figures})]


def _up(check: Check) -> list[list[str]]:
    return [[*_COMPOSE, "up", "-d", "--wait", "--wait-timeout", "300", "triton"]]


def _graphs_and_cache(check: Check, printed: str) -> list[Verdict]:
    configs = {name: read_config(check.folder / "loop" / name / "config.pbtxt") for name in ENGINES}
    captured = [name for name, config in configs.items() if config.optimization.cuda.graphs]
    encoder = configs[IMAGE_ENCODER]
    batches = sorted({1, *encoder.dynamic_batching.preferred_batch_size, encoder.max_batch_size})
    photo = photo_from_seed(_PHOTO_SEED).jpeg_bytes()
    before = _metrics(check)
    with VqaClient(f"localhost:{check.grpc_port}") as client:
        for question in ("What is it?", "这是什么？"):
            client.ask(photo, question)
    return [cuda_graphs_rule(printed, captured, batches), cache_rule(before, _metrics(check))]


def _metrics(check: Check) -> str:
    with urllib.request.urlopen(f"http://localhost:{check.metrics_port}/metrics", timeout=5) as answer:
        text: str = answer.read().decode()
        return text


def _end_to_end(check: Check) -> list[list[str]]:
    tests = [
        "tests/end_to_end/test_requests.py",
        "tests/end_to_end/test_choices.py",
    ]  # the others start servers of their own
    environment = [
        f"VITRINE_TEST_URL=localhost:{check.grpc_port}",
        f"VITRINE_TEST_METRICS=http://localhost:{check.metrics_port}/metrics",
        f"VITRINE_REPOSITORY={check.repository('loop')}",
    ]
    return [["env", *environment, ".venv/bin/python", "-m", "pytest", "-q", *tests]]


def _load_test(check: Check) -> list[list[str]]:
    folder = check.folder / "load"
    shutil.rmtree(folder, ignore_errors=True)
    command = [".venv/bin/python", "-m", "loadtest", "run", "--url", f"localhost:{check.grpc_port}"]
    command += ["--metrics-url", f"http://localhost:{check.metrics_port}/metrics", "--output", str(folder)]
    return [[*command, "--scenario", "customer_service", "--rate", "100", "--duration", "60", "--workers", "2"]]


def judge_load_test(check: Check, printed: str) -> list[Verdict]:
    figures = read_report(check.folder / "load")["figures"]
    broken = read_slo(check.root / "loadtest" / "errors-only.yaml").broken(figures)
    latency = figures["latency_ms"]["all"]
    shown = f"{figures['achieved_rate_per_s']:.0f}/s, p50 {latency['p50']:.1f} ms, p99 {latency['p99']:.1f} ms"
    return [Verdict("load test", FAILED if broken else PASSED, "; ".join([shown, *broken]))]


def machine_facts() -> dict[str, str]:
    """Read what `nvidia-smi` says of this host; {} without it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return {}
    query = "--query-gpu=name,compute_cap,driver_version,memory.total"
    done = subprocess.run([program, query, "--format=csv,noheader"], capture_output=True, text=True, check=False)
    values = re.split(r",\s*", done.stdout.splitlines()[0]) if done.returncode == 0 and done.stdout else []
    return dict(zip(("GPU", "compute capability", "driver", "memory"), values, strict=False))
