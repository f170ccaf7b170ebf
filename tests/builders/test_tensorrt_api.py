"""What `builders/tensorrt` calls is there, in the real bindings of each TensorRT that it is made for."""

import ast
import inspect
import os
import shutil
import subprocess
import sys
from enum import Enum
from pathlib import Path

import pytest

from tests.helpers import tensorrt_double
from tests.helpers.tensorrt_bindings import VERSIONS, in_bindings, installed_bindings

pytestmark = pytest.mark.night

ROOT = Path(__file__).parent.parent.parent
# Of a class in the double that the bindings make themselves, the initialiser is the double's own.
MADE_BY_CALLERS = {"Builder", "OnnxParser", "Runtime", "ILogger", "IProgressMonitor"}


# Only the bindings matter here; the other packages' types take mypy a quarter of a minute.
MYPY_CONFIG = """\
[mypy]
strict = true
explicit_package_bases = true
follow_imports = silent
allow_untyped_calls = true
allow_any_generics = true
disallow_subclassing_any = false
warn_return_any = false
[mypy-torch.*,numpy.*,onnx.*,onnxruntime.*,tritonclient.*,google.*,tqdm.*,transformers.*]
follow_imports = skip
ignore_missing_imports = true
"""


def type_errors(version: str, root: Path, work: Path) -> list[str]:
    """What mypy says of `builders/tensorrt` below `root`, with `tensorrt` as the bindings of `version` have it."""
    config = work / "mypy.ini"
    config.write_text(MYPY_CONFIG, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", f"--config-file={config}", f"--cache-dir={work / version}", "builders/tensorrt"],
        cwd=root,
        env={**os.environ, "MYPYPATH": f"{installed_bindings(version) / 'stubs'}:{ROOT}/client/src"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    return [line for line in done.stdout.splitlines() if line.startswith("builders/")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_name_and_call_is_in_the_bindings(version: str, tmp_path: Path) -> None:
    assert type_errors(version, ROOT, tmp_path) == []


# File, what stands there, and what would be wrong: a method, a parameter, an enum, an attribute, an override.
WRONG = [
    ("plan.py", "builder.build_serialized_network(", "builder.build_serialised_network("),
    ("plan.py", "config.set_timing_cache(cache, ignore_mismatch=False):", "config.set_timing_cache(cache):"),
    ("plan.py", "trt.ProfilingVerbosity.DETAILED", "trt.ProfilingVerbosity.DETAIL"),
    ("plan.py", "config.builder_optimization_level =", "config.optimization_level ="),
    ("plan.py", "inspector.get_engine_information(", "inspector.get_information("),
    ("runtime.py", "context.set_input_shape(name,", "context.set_binding_shape(name,"),
    ("runtime.py", "runtime.deserialize_cuda_engine(", "runtime.deserialize_engine("),
    ("progress.py", "step: SupportsInt) -> bool", "step: SupportsInt, total: int) -> bool"),
    ("log.py", "trt.ILogger.Severity.WARNING", "trt.ILogger.Severity.WARN"),
]


def test_every_wrong_name_is_found(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "builders", tmp_path / "builders")
    expected = set()
    for file, before, after in WRONG:
        changed = tmp_path / "builders" / "tensorrt" / file
        code = changed.read_text("utf-8")
        assert before in code, before
        changed.write_text(code.replace(before, after), "utf-8")
    for file, _, after in WRONG:
        lines = (tmp_path / "builders" / "tensorrt" / file).read_text("utf-8").splitlines()
        expected |= {f"builders/tensorrt/{file}:{number}" for number, line in enumerate(lines, 1) if after in line}
    assert len(expected) == len(WRONG)
    found = {":".join(line.split(":")[:2]) for line in type_errors("11.2.1.2", tmp_path, tmp_path)}
    assert expected <= found


def stub_classes(version: str) -> dict[str, ast.ClassDef]:
    stub = installed_bindings(version) / "stubs" / "tensorrt_bindings" / "tensorrt.pyi"
    return {node.name: node for node in ast.parse(stub.read_text("utf-8")).body if isinstance(node, ast.ClassDef)}


def members(stub: ast.ClassDef) -> dict[str, list[list[str]]]:
    """Names of a class in the bindings; for a method, the parameters of each of its overloads."""
    found: dict[str, list[list[str]]] = {}
    for node in stub.body:
        if isinstance(node, ast.FunctionDef):
            found.setdefault(node.name, []).append([a.arg for a in node.args.args if a.arg != "self"])
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            found.setdefault(node.target.id, [])
        elif isinstance(node, ast.ClassDef):
            found.setdefault(node.name, [])
    return found


@pytest.mark.parametrize("version", VERSIONS)
def test_the_double_has_nothing_that_the_bindings_lack(version: str) -> None:
    real = stub_classes(version)
    double = {n: c for n, c in vars(tensorrt_double.as_module()).items() if inspect.isclass(c)}
    assert len(double) > 20
    for name, kind in double.items():
        assert name in real, name
        names = members(real[name])
        if issubclass(kind, Enum):
            assert set(kind.__members__) <= set(names), name
            continue
        for member, value in vars(kind).items():
            if member.startswith("_") and not (member == "__init__" and name in MADE_BY_CALLERS):
                continue
            if member == "last":
                continue  # for tests
            assert member in names, f"{name}.{member}"
            if inspect.isfunction(value):
                parameters = [p for p in inspect.signature(value).parameters if p != "self"]
                overloads = names[member]
                assert any(o[: len(parameters)] == parameters or o == ["args"] or not o for o in overloads), (
                    f"{name}.{member}{parameters}: the bindings have {overloads}"
                )


@pytest.mark.parametrize("version", [version for version in VERSIONS if version.startswith("11.")])
def test_enum_values_of_the_double_are_the_bindings(version: str) -> None:
    """TensorRT 10 has 1 there; the builder shifts by what it finds."""
    flag = in_bindings(installed_bindings(version), "print(int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))")
    assert int(flag) == tensorrt_double.NetworkDefinitionCreationFlag.STRONGLY_TYPED
