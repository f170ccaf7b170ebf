"""State of a run on disk: written whole or not at all, so that it goes on after SIGKILL at any moment."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from command_line.errors import UsageError
from training.tuning.adapters import Trained
from training.tuning.options import Course

_STATE = "state.pt"


def save_state(
    work: Path, trained: Trained, optimizer: Any, course: Course, facts: dict[str, Any], best: dict[str, torch.Tensor]
) -> None:
    """Write weights that are trained, the optimiser, and what is known of the run.

    Args:
        facts: what `load_state` gives back.
        best: trained weights of the best measurement.
    """
    allocator = getattr(trained.peft.base_model, "rankallocator", None) if trained.is_adaptive else None
    state = {
        "course": _told(course),
        "weights": {name: parameter.data for name, parameter in trained.named()},
        "optimizer": optimizer.state_dict(),
        "best": best,
        "facts": facts,
        "allocator": None if allocator is None else {"ipt": allocator.ipt, "exp_avg_ipt": allocator.exp_avg_ipt,
                                                     "exp_avg_unc": allocator.exp_avg_unc},
    }  # fmt: skip
    partial = work / f"{_STATE}.partial"
    torch.save(state, partial)
    partial.rename(work / _STATE)


def load_state(
    work: Path, trained: Trained, optimizer: Any, course: Course
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Go on where the last run of this work folder was; nothing if there was none.

    Returns:
        Facts, and the weights of the best measurement; both empty where there is no state.

    Raises:
        UsageError: it was another run, with other options.
    """
    file = work / _STATE
    if not file.exists():
        return {}, {}
    state = torch.load(file, map_location="cpu", weights_only=True)
    before, now = state["course"], _told(course)
    if different := [name for name in now if before.get(name) != now[name]]:
        raise UsageError(
            f"{work} holds a run with another --{different[0].replace('_', '-')} ({before.get(different[0])}): name "
            "another --work, or remove it"
        )
    put_weights(trained, state["weights"])
    optimizer.load_state_dict(state["optimizer"])
    if state["allocator"]:
        for name, value in state["allocator"].items():
            setattr(trained.peft.base_model.rankallocator, name, value)
    return state["facts"], state["best"]


def _told(course: Course) -> dict[str, str]:
    """Options as texts: a state holds no objects, so that loading one runs no code."""
    return {name: str(value) for name, value in asdict(course).items()}


def weights_of(trained: Trained) -> dict[str, torch.Tensor]:
    """Copy what is trained."""
    return {name: parameter.detach().cpu().clone() for name, parameter in trained.named()}


@torch.no_grad()
def put_weights(trained: Trained, weights: dict[str, torch.Tensor]) -> None:
    for name, parameter in trained.named():
        parameter.copy_(weights[name])
