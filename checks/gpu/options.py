"""What `python -m checks.gpu` takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from command_line.values import Argument

ROOT = Path(__file__).parents[2]


def _checkpoint(text: str) -> str:
    if not (ROOT / text / "config.json").is_file():
        raise ValueError(f"{text} has no config.json: name the folder of a checkpoint")
    return text


@dataclass(frozen=True)
class GpuCheckOptions:
    """Prove on a GPU host what cannot be proved without one: build the TensorRT plans in NVIDIA's container, hold them
    to PyTorch, start Triton, run the end-to-end tests, time the plans beside ONNX Runtime and PyTorch, see that CUDA
    graphs were captured and that the feature cache hits. Writes gpu-report.md and gpu-report.json below build/. Needs
    Docker with its compose plugin, the NVIDIA container toolkit, and `make setup`.

    Examples:
      python -m checks.gpu --dry-run
      python -m checks.gpu --compiler tensorrt-rtx --engines-only    (an RTX card, no Docker)

    Exit status: 0 every rule passed, 1 a rule failed (named), 2 wrong usage, 3 none failed but some could not be run.
    """

    checkpoint: Annotated[str, Argument(_checkpoint, "FOLDER")] = "checkpoints/vitrine-small"
    """Folder of the checkpoint to build from."""
    compiler: Literal["container", "tensorrt-rtx"] = "container"
    """TensorRT of NVIDIA's container, or TensorRT for RTX in this environment, without Docker (make setup
    EXTRAS=tensorrt-rtx)."""
    engines_only: bool = False
    """With tensorrt-rtx: leave out what needs Triton; a few minutes."""
    dry_run: bool = False
    """Print each step; then check what needs no GPU, in a minute or two: the graphs are built and held to PyTorch."""
