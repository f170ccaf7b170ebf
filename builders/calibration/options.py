"""What `python -m builders.calibration` takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from builders.checkpoint.lock_file import LOCK_FILE
from command_line.values import Argument, CheckpointName, Count, File, Positional, Repeated


def _risk(text: str) -> float:
    from builders.calibration.fit import RISKS

    risk = float(text)
    if risk not in RISKS:
        raise ValueError(f"{text} came, but one of {', '.join(str(r) for r in RISKS)} is expected")
    return risk


Risk = Annotated[float, Argument(_risk, "SHARE")]


@dataclass(frozen=True, kw_only=True)
class CalibrationOptions:
    """Fit how sure a checkpoint's answers are, on questions with known answers: confidence that is a probability, and
    thresholds that keep a stated share of wrong answers. Writes a file that, beside the checkpoint's weights, every
    build of it takes along.

    Example:
      python -m builders.calibration build/blip-base --checkpoint ./blip-base --data shop.jsonl \\
          --output ./blip-base/calibration.json
    """

    repository: Positional[Path]
    """Repository that was built from the checkpoint with --target onnxruntime."""
    checkpoint: CheckpointName
    """Checkpoint that it was built from."""
    output: File
    """File to write, calibration.json."""
    revision: Annotated[str | None, Argument(metavar="COMMIT")] = None
    """Commit of the hub's checkpoint (default: as the lock file says)."""
    sha256: Repeated[tuple[Annotated[str, Argument(metavar="HEX")], ...]] = ()
    """Digest of its weights."""
    lock: File = Path(LOCK_FILE)
    """File in which the build recorded the hub's checkpoint; not read where commit and digests are named."""
    data: File | None = None
    """JSON Lines of {"photo": PATH, "question": TEXT, "answer": TEXT}, and "candidates": [TEXT, ...] where a list
    belongs to the question (default: drawn by catalogue/)."""
    photos: Count = 900
    """Photos to draw, 10 questions each."""
    risk: Risk = 0.01
    """Share of given answers that may be wrong."""
