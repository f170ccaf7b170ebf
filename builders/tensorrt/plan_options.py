"""What TensorRT is asked for when it makes a plan."""

from dataclasses import dataclass
from typing import Annotated, Literal

from builders.errors import UsageError
from command_line.values import Argument


def _capabilities(text: str) -> str:
    names = tuple(dict.fromkeys(name.strip().replace(".", "") for name in text.split(",")))
    if not all(name.isdigit() or names == ("current",) for name in names):
        raise ValueError(f"{text[:80]!r} came, but numbers such as 86,89 or the word current are expected")
    return ",".join(names)


@dataclass(frozen=True)
class PlanOptions:
    """TensorRT."""

    compute_capability: Annotated[str, Argument(_capabilities, "NAMES")] = "86,89,120"
    """GPUs that plans of TensorRT for RTX are for: 75, 80, 86, 89, 120, 121, or "current", this machine's; of TensorRT
    itself, always this machine's."""

    workspace_gib: Annotated[float, Argument(metavar="GIB")] = 32.0
    """GiB of scratch memory of a kernel at most. At the size of InternVL3-1B, a decoder for 4 rows a run did not build
    with 16; with --batch-max 1 it did with 8, to a plan of 1.5 times the weights instead of 1.1."""
    optimization_level: Annotated[int, Argument(metavar="0..5")] = 3
    """How long TensorRT itself looks for faster kernels."""
    hardware_compatibility: Literal["none", "same_compute_capability", "ampere_plus"] = "none"
    """Other GPUs that a plan of TensorRT itself shall run on, at some cost in speed."""
    version_compatible: bool = False
    """Let other versions of TensorRT itself load the plan."""


def require_possible_plan(options: PlanOptions, target: str) -> None:
    """
    Raises:
        UsageError: a value is out of range, or the target's TensorRT has no such option.
    """
    if options.workspace_gib <= 0:
        raise UsageError(f"--workspace-gib is {options.workspace_gib:g}, but must be more than 0")
    if options.optimization_level not in range(6):
        raise UsageError(f"--optimization-level is {options.optimization_level}, but must be 0 to 5")
    if target == "tensorrt-rtx":
        for name in ("optimization_level", "hardware_compatibility", "version_compatible"):
            if getattr(options, name) != getattr(PlanOptions, name):
                raise UsageError(f"--{name.replace('_', '-')} goes with --target tensorrt, not with tensorrt-rtx")
