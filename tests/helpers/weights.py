"""Checkpoints whose weights are changed."""

import shutil
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file


def with_weights(checkpoint: Path, folder: Path, change: str, value: float) -> Path:
    """Copy a checkpoint to `folder`, and set every element of the weight `change` to `value`."""
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    weights[change] = np.full_like(weights[change], value)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder
