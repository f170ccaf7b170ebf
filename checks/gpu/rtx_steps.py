"""The steps of the check with TensorRT for RTX: no container, so each command runs in this environment."""

import json

from checks.gpu.report import Verdict
from checks.gpu.rules import parity_rule, weights_rule
from checks.gpu.steps import Check, Step, judge_load_test, judge_nothing, judge_timings

_PYTHON = ".venv/bin/python"


def rtx_steps(*, engines_only: bool) -> list[Step]:
    """List the steps.

    Args:
        engines_only: leave out what needs Triton.
    """
    rtx = ["--target=tensorrt-rtx", "--compute-capability=current"]
    engines = [
        Step("this host has a GPU", lambda c: [["nvidia-smi"]], judge_nothing),
        _build("loop", rtx),
        _build("unrolled", [*rtx, "--decode-strategy=unrolled"]),
        _build("int8-weights", [*rtx, "--precision=int8-weights"], stops=False),
        _build("fp8-weights", [*rtx, "--precision=fp8-weights"], stops=False),
        _build("onnxruntime", ["--target=onnxruntime"]),
        Step("plans, ONNX Runtime and PyTorch side by side", _side_by_side, judge_timings, stops=False),
    ]
    served = [
        Step("end-to-end tests", _end_to_end, judge_nothing, stops=False),
        Step("load test", _load_test, judge_load_test, stops=False),
    ]
    return engines if engines_only else [*engines, *served]


def _build(name: str, options: list[str], *, stops: bool = True) -> Step:
    def commands(check: Check) -> list[list[str]]:
        where = [f"--checkpoint={check.checkpoint}", f"--output={check.repository(name)}", "--parity-photos=143"]
        return [[_PYTHON, "-m", "builders", *where, *options]]

    def rules(check: Check, printed: str) -> list[Verdict]:
        manifest = json.loads((check.folder / name / "manifest.json").read_text("utf-8"))
        return [parity_rule(name, manifest), weights_rule(name, manifest)]

    return Step(f"{name}: the engines are built and held to PyTorch", commands, rules, stops=stops)


def _side_by_side(check: Check) -> list[list[str]]:
    names = ("loop", "unrolled", "int8-weights", "fp8-weights", "onnxruntime")
    built = [str(check.repository(name)) for name in names if (check.folder / name / "manifest.json").exists()]
    return [[_PYTHON, "-m", "benchmarks.engines", "--checkpoint", check.checkpoint, "--json", *built]]


def _end_to_end(check: Check) -> list[list[str]]:
    tests = ["tests/end_to_end/test_requests.py", "tests/end_to_end/test_choices.py"]
    return [["env", f"VITRINE_REPOSITORY={check.repository('loop')}", _PYTHON, "-m", "pytest", "-q", *tests]]


def _load_test(check: Check) -> list[list[str]]:
    command = [_PYTHON, "-m", "loadtest", "run", "--repository", str(check.repository("loop"))]
    command += ["--output", str(check.folder / "load"), "--scenario", "customer_service", "--rate", "100"]
    return [[*command, "--duration", "60", "--workers", "2"]]
