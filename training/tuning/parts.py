"""Parts of the data of a run: what is trained on never shows a photo that something is measured on."""

import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from command_line.errors import UsageError
from training.tuning.data import Example
from training.tuning.split import Part, split_examples

_MOST_GENERAL = 500
_HELD_OUT: tuple[Part, ...] = ("stop", "calibration", "report")


@dataclass(frozen=True)
class Parts:
    """Questions by what they are for."""

    train: list[Example]
    """Own ones, and guesses of a release."""
    general: list[Example]
    """General ones that are replayed in training."""
    stop: list[Example]
    """Own ones that tell when to stop."""
    general_stop: list[Example]
    """General ones beside them, so that what forgets is not taken for better."""
    calibration: list[Example]
    """Own and general ones."""
    report: list[Example]
    general_report: list[Example]


def parts_of(own: Sequence[Example], *, guesses: Sequence[Example] = (), general: Sequence[Example] = ()) -> Parts:
    """Split by product, and leave out of training what shows a photo of another part.

    Raises:
        UsageError: nothing is left to train on, or to tell when to stop.
    """
    mine, others, guessed = split_examples(own), split_examples(general), split_examples(guesses)
    held_out = {_digest(one.photo) for parts in (mine, others) for name in _HELD_OUT for one in parts[name]}

    def free(examples: Sequence[Example]) -> list[Example]:
        return [one for one in examples if _digest(one.photo) not in held_out]

    train = free(mine["train"])
    for name, examples in (("train", train), ("stop", mine["stop"])):
        if not examples:
            raise UsageError(
                f"the {name} part of the split has no question: more products are needed ({len(own)} questions came; a "
                'product is what "product" says, else each photo)'
            )
    return Parts(
        train=train + free(guessed["train"]),
        general=free(others["train"]),
        stop=mine["stop"],
        general_stop=random.Random(0).sample(others["stop"], min(_MOST_GENERAL, len(others["stop"]))),
        calibration=[*mine["calibration"], *others["calibration"]],
        report=mine["report"],
        general_report=others["report"],
    )


@cache
def _digest(photo: Path) -> str:
    return hashlib.sha256(photo.read_bytes()).hexdigest()
