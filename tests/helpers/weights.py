"""Models and checkpoints whose weights are changed."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load_file, save_file


def with_weights(checkpoint: Path, folder: Path, change: str, value: float) -> Path:
    """Copy a checkpoint to `folder`, and set every element of the weight `change` to `value`."""
    shutil.copytree(checkpoint, folder)
    weights = load_file(folder / "model.safetensors")
    weights[change] = np.full_like(weights[change], value)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def randomised(model: Any, seed: int, scale: float = 0.12) -> Any:
    """Give a model of transformers random weights, norms and biases too: initial ones would hide what is left out."""
    random = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=random)
            is_norm = parameter.ndim == 1 and "bias" not in name
            parameter.copy_(1 + noise * 0.2 if is_norm else noise * scale)
    return model.eval()
