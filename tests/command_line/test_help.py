"""`--help` of every program teaches, and answers before anything heavy is imported: seen by imports, not by a clock."""

import subprocess
import sys
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from tests.helpers.usage_errors import USAGE

ROOT = Path(__file__).parents[2]
HEAVY = {
    "gevent",
    "locust",
    "matplotlib",
    "onnx",
    "onnxruntime",
    "scipy",
    "skimage",
    "sklearn",
    "torch",
    "transformers",
}
BROUGHT_BY_THE_CLIENT = {"grpc", "numpy", "tritonclient", "vitrine_client"}
NEEDS_THE_CLIENT_AT_ONCE = ("loadtest.fake_server",)
"""Started by tests, which wait for its first answer."""
STARTED_BY_OTHERS = {"benchmarks.peers", "deploy.supply.audit", "loadtest.fake_server"}
PROGRAMS = sorted({module for module, _, _ in USAGE} | STARTED_BY_OTHERS)
COMMANDS = [(program,) for program in PROGRAMS] + [("loadtest", name) for name in ("run", "knee", "gate", "compare")]


@cache
def help_of(*command: str) -> tuple[str, set[str]]:
    """What a program says, and the names of the packages that it imports meanwhile."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", *command, "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout, {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    said, packages = help_of(*command)
    assert f"usage: python -m {' '.join(command)} [-h]" in said.replace("python3", "python")
    assert "argparse" in packages, "imports are seen"
    assert not packages & HEAVY
    if command[0] not in NEEDS_THE_CLIENT_AT_ONCE:
        assert not packages & BROUGHT_BY_THE_CLIENT


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_says_what_the_program_and_each_option_do(command: tuple[str, ...]) -> None:
    lines = help_of(*command)[0].splitlines()
    description = lines[lines.index("") + 1]
    assert len(description) > 25, "it stands below the usage"
    for line, below in pairwise(lines):
        if line.startswith(("  -", "    -")) and "  " not in line.strip():
            assert below.startswith(" " * 10), f"{line.strip()} has no help"
