"""Says before anything is loaded whether a checkpoint fits into this machine's memory."""

import math
from contextlib import suppress
from pathlib import Path

import psutil
from safetensors import SafetensorError, safe_open

from builders.errors import BuildError

_WHILE_LOADING = 1.5
"""Weights in FP32 beside the file's own in half precision, which they are made from."""
_BESIDE_BYTES = 2**30
"""Of Python, PyTorch and what stands beside the weights."""
_GIB = 2**30


def parameters_of(folder: Path) -> int:
    """Count the numbers in a checkpoint's safetensors, which are not read for it."""
    count = 0
    for file in folder.glob("*.safetensors"):
        with suppress(SafetensorError), safe_open(file, framework="np") as weights:  # loading says what is broken
            count += sum(math.prod(weights.get_slice(name).get_shape()) for name in weights.keys())  # noqa: SIM118
    return count


def require_memory(folder: Path, checkpoint: str) -> None:
    """
    Raises:
        BuildError: less is free than loading takes; says how large a checkpoint would fit.
    """
    parameters = parameters_of(folder)
    needed = parameters * 4 * _WHILE_LOADING + _BESIDE_BYTES
    free = psutil.virtual_memory().available
    if needed > free:
        fits = max(0.0, (free - _BESIDE_BYTES) / 4 / _WHILE_LOADING)
        raise BuildError(
            f"{checkpoint} has {parameters / 1e9:.1f} billion parameters, which take {needed / _GIB:.1f} GiB of memory "
            f"to load, but {free / _GIB:.1f} are free: about {fits / 1e9:.1f} billion would fit. Free memory, take a "
            "smaller checkpoint, or build on a larger machine: repositories can be copied"
        )
