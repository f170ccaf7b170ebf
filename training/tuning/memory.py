"""Memory that a run will take, before it starts."""

from typing import Any

import torch

from training.tuning.adapters import Trained
from training.tuning.families import Asked, TuningFamily

_ADAM_BYTES = 8
"""Two moments in FP32 of each weight that is trained."""


def estimate_mib(checkpoint: Any, family: TuningFamily, trained: Trained, example: Asked, questions: int) -> float:
    """Add up weights, gradients, the optimiser's moments, and what is kept of the questions that go through at once.

    The last is counted on one real question: bytes that its forward pass keeps for the way back.

    Args:
        questions: of a micro batch.
    """
    kept: dict[int, int] = {}

    def note(tensor: torch.Tensor) -> torch.Tensor:
        kept[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    inputs = family.inputs_of(checkpoint, [example])
    weights = {p.untyped_storage().data_ptr(): p.untyped_storage().nbytes() for p in trained.model.parameters()}
    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        logits = family.logits_of(trained.model, inputs)
    of_one = sum(size for pointer, size in kept.items() if pointer not in weights) + 3 * logits.nbytes
    moments = sum(p.numel() * (p.element_size() + _ADAM_BYTES) for p in trained.parameters())
    return float(sum(weights.values()) + moments + questions * of_one) / 2**20
