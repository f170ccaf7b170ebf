"""Options of `python -m training release`."""

from dataclasses import dataclass
from typing import Annotated, Literal

from builders.calibration.options import Risk
from command_line.values import Argument, CheckpointName, File, Folder, Positional, Repeated, number

_points = number("percentage points, 0 to 100,", lambda found: 0 <= found <= 100)


@dataclass(frozen=True, kw_only=True)
class ReleaseCommand:
    """Make a release out of a shop's data: tune, build, calibrate, evaluate beside the release that serves, and gate.

    Each step is a command that is printed, and is done once: stopped or refused, what was made is kept, and the same
    command goes on from there. It writes a repository to serve, and release.html, which says what changed.

    Example: python -m training release checkpoints/vitrine-small --data shop.jsonl --general general.jsonl \\
        --work build/release

    Exit status: 0 if the new release passes, 1 if it is refused or a step failed.
    """

    checkpoint: Positional[CheckpointName]
    """Checkpoint to begin with."""
    work: Folder
    """Folder for all that is made: checkpoint, repository, evaluations, release.html."""
    data: Repeated[tuple[File, ...]]
    """The shop's own labelled questions or dialogues; may be given again."""
    general: Repeated[tuple[File, ...]] = ()
    """General questions, as JSON Lines: replayed while it learns, and must not be forgotten; may be given again."""
    serving: Folder | None = None
    """Repository that serves now, to compare with (default: one is built of the checkpoint)."""
    target: Literal["onnxruntime", "tensorrt", "tensorrt-rtx"] = "onnxruntime"
    """What the engines run on."""
    most_lost: Annotated[float, Argument(_points, "POINTS")] = 0.5
    """Percentage points of right answers that any kind or language may lose."""
    risk: Risk = 0.01
    """Share of given answers that may be wrong."""
    rules: File | None = None
    """House rules to build in, answer_rules.yaml."""
    tune_options: Annotated[str, Argument(metavar="OPTIONS")] = ""
    """More options of python -m training tune, such as "--train-vision --steps 2000"."""
    build_options: Annotated[str, Argument(metavar="OPTIONS")] = ""
    """More options of python -m builders, such as "--precision fp32"."""
