"""Reads `calibration.json`: how doubt becomes confidence, and which confidence keeps which risk."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vitrine_steps.file_format import require_format

CALIBRATION_FORMAT = 1
FORMAT_REMEDY = (
    "fit it again with python -m builders.calibration; a file of before there were format numbers has the fields of "
    'format 1, and may be given "format": 1 by hand'
)


@dataclass(frozen=True)
class RiskPoint:
    """One row of a risk table."""

    risk: float
    """Share of the given answers that may be wrong, and of the given refusals."""
    threshold: float
    """Answers less sure than this are handed over; above 1 where no threshold keeps the risk."""
    refusal_threshold: float
    """Refusals ("the photo does not show it") less sure than this are handed over; above 1 as above."""
    coverage: float
    """Share of the questions that were still answered or refused when this was fitted."""


@dataclass(frozen=True)
class Calibration:
    """Fitted by `builders/calibration/calibrate.py` on questions with known answers."""

    weights: tuple[float, ...]
    """Weights of a logistic regression, one for each input of `confidence.doubts`, or for the first of them."""
    bias: float
    cannot_tell_threshold: float
    """ "The photo does not show it" is taken for the answer from this probability on."""
    default_risk: float
    risks: dict[str, tuple[RiskPoint, ...]]
    """Risk table of each language, the strictest risk first."""


def read_calibration(file: Path) -> Calibration | None:
    """Read the calibration of open questions.

    Returns:
        None if there is no such file: the checkpoint was built without calibration.

    Raises:
        FormatError: the file is of another format.
    """
    content = read_content(file)
    return calibration_from_json(content) if content else None


def read_content(file: Path) -> dict[str, Any]:
    """Read the file as JSON; {} if there is none.

    Raises:
        FormatError: the file is of another format.
    """
    if not file.exists():
        return {}
    content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    require_format(content, CALIBRATION_FORMAT, file=file.name, remedy=FORMAT_REMEDY)
    return content


def calibration_from_json(content: dict[str, Any]) -> Calibration:
    """Make a calibration from the fields of the file, or of its part about choices."""
    return Calibration(
        weights=tuple(content["weights"]),
        bias=content["bias"],
        cannot_tell_threshold=content["cannot_tell_threshold"],
        default_risk=content["default_risk"],
        risks={language: tuple(RiskPoint(**row) for row in rows) for language, rows in content["risks"].items()},
    )
