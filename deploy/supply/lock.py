"""`python -m deploy.supply.lock`: write the lock files anew from pyproject.toml and constraints.txt. Needs uv.

PyTorch is apart: its CPU builds and PyPI's, which need CUDA's libraries, are
different files, and no marker tells which one a user wants.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "supply"
_TORCH_CUDA = re.compile(r"torch==|cuda-|nvidia-(?!pytriton)|triton==")
_TENSORRT_RTX = re.compile(r"tensorrt-rtx-|cuda-bindings==|cuda-pathfinder==")
_BULK_ENGINES = re.compile(r"ray==|pyspark==|py4j==|pandas==")
_PLATFORM = "x86_64-manylinux_2_35"  # the Triton wheel has no older tag
_PYTHON = "3.11"  # for 3.12 the same comes out


def packages(lock: str) -> list[str]:
    """The entries of a lock: a pin, and its hashes."""
    return re.findall(r"^\S+==[^\n]*\n(?: [^\n]*\n)*", lock, re.MULTILINE)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "all.lock"
        command = ["uv", "pip", "compile", "--no-config", "pyproject.toml", "--extra", "dev", "--extra", "tensorrt-rtx"]
        command += ["--extra", "bulk-engines"]
        command += ["client/pyproject.toml"]
        command += ["--constraint", "constraints.txt", "--generate-hashes", "--no-header", "--no-annotate"]
        command += ["--no-emit-index-url", "--python-version", _PYTHON, "--python-platform", _PLATFORM, "--quiet"]
        try:
            subprocess.run([*command, "--output-file", str(output)], cwd=ROOT, check=True)
        except FileNotFoundError:
            print("error: uv is not installed: pip install uv", file=sys.stderr)
            return 1
        found = packages(output.read_text("utf-8"))
    for name, chosen in (
        (
            "requirements.lock",
            [p for p in found if not any(one.match(p) for one in (_TORCH_CUDA, _TENSORRT_RTX, _BULK_ENGINES))],
        ),
        ("torch-cuda.lock", [p for p in found if _TORCH_CUDA.match(p)]),
        ("tensorrt-rtx.lock", [p for p in found if _TENSORRT_RTX.match(p)]),
        ("bulk-engines.lock", [p for p in found if _BULK_ENGINES.match(p)]),
    ):
        file = FOLDER / name
        head = file.read_text("utf-8").partition("\n")[0]
        file.write_text(f"{head}\n{''.join(chosen)}", "utf-8")
        print(f"{file.relative_to(ROOT)}: {len(chosen)} packages")
    print("torch-cpu.lock and tools.lock are kept by hand: the hashes of PyTorch's index, and of make supply's tools")
    return 0


if __name__ == "__main__":
    sys.exit(main())
