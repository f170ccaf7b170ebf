"""How likely a line was read right, and whether that is sure enough."""

import json
import math
from dataclasses import dataclass
from pathlib import Path

from vitrine_steps.file_format import FormatError, require_format
from vitrine_steps.reading.found import Line

CALIBRATION_FILE = "text_calibration.json"
CALIBRATION_FORMAT = 1
SURE, UNSURE = "sure", "unsure"
_REMEDY = "fit it again with python -m evaluation.text --fit"
_LEAST = 1e-6
_READ_WELL_PX = 24.0
"""Height of letters from which on they are no better read for being larger."""
_DOUBTS = 6
"""Length of `doubts`."""


@dataclass(frozen=True)
class LineCalibration:
    """Fitted by `python -m evaluation.text --fit` on drawn labels whose text is known."""

    weights: tuple[float, ...]
    """Weights of a logistic regression, one for each of `doubts`."""
    bias: float
    default_risk: float
    """A line that is wrong with more than this probability is unsure."""


def read_line_calibration(file: Path) -> LineCalibration | None:
    """Read the calibration of a build.

    Returns:
        None if there is no such file: nobody has measured the weights of this build.

    Raises:
        FormatError: the file is of another format.
    """
    if not file.exists():
        return None
    content = json.loads(file.read_text("utf-8"))
    require_format(content, CALIBRATION_FORMAT, file=file, remedy=_REMEDY)
    weights = tuple(content["weights"])
    if len(weights) != _DOUBTS:
        raise FormatError(f"{file} has {len(weights)} weights, but {_DOUBTS} are expected: {_REMEDY}")
    return LineCalibration(weights, content["bias"], content["default_risk"])


def doubts(line: Line) -> tuple[float, ...]:
    """Say what speaks for and against a line.

    That is its characters together and the least likely of them, its length, how far its letters are below the height
    at which they are read well, and, of a line of few characters, how high it is as a share of the photo: patterns that
    are taken for text are large, and a letter or two.
    """
    share = min(math.dist(line.box[0], line.box[3]), math.dist(line.box[0], line.box[1]))
    return (
        -math.log(max(line.mean, _LEAST)),
        -math.log(max(line.least, _LEAST)),
        1 / len(line.text),
        float(len(line.text) == 1),
        max(0.0, math.log(_READ_WELL_PX / max(line.height_px, 1.0))),
        math.log(max(share, 1e-3)) / len(line.text),
    )


def confidence_of(line: Line, calibration: LineCalibration | None) -> float:
    """Return the probability that every character is right, 0 to 1; NaN without a calibration."""
    if calibration is None:
        return math.nan
    score = calibration.bias + math.fsum(w * d for w, d in zip(calibration.weights, doubts(line), strict=True))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def status_of(confidence: float, calibration: LineCalibration | None, max_risk: float | None) -> str:
    """Say whether a line is sure enough; without a calibration none is.

    Args:
        max_risk: of this request; it can only be stricter than the calibration's own.
    """
    if calibration is None:
        return UNSURE
    risk = calibration.default_risk if max_risk is None else min(max_risk, calibration.default_risk)
    return SURE if confidence >= 1 - risk else UNSURE
