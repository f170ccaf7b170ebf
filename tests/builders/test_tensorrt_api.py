"""What `builders/tensorrt` calls is there, in the real bindings of each TensorRT that a container may have.

TensorRT for RTX, whose API it is too, is called for real by the other tests.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.tensorrt_bindings import VERSIONS, installed_bindings

pytestmark = pytest.mark.night

ROOT = Path(__file__).parent.parent.parent


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
    ("tensors.py", "network.get_output(index)", "network.output(index)"),
    ("progress.py", "step: SupportsInt) -> bool", "step: SupportsInt, total: int) -> bool"),
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
