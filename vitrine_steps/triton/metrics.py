"""The steps' own metrics, beside Triton's on its `/metrics`.

An increment is a message to the server (about 0.03 ms), hence one a verdict,
and bins that each count their own confidences only.
"""

import math
from bisect import bisect_left

import triton_python_backend_utils as pb_utils

from vitrine_steps.verdict import ANSWERED, CANNOT_TELL, HAND_OVER, LANGUAGES

INVALID_ARG = "INVALID_ARG"
INTERNAL = "INTERNAL"
CANCELLED = "CANCELLED"
UNAVAILABLE = "UNAVAILABLE"
CONFIDENCE_BINS = ("0.1", "0.2", "0.3", "0.4", "0.5", "0.6", "0.7", "0.8", "0.9", "0.95", "0.99", "1.0")
"""Upper ends, each in its own bin."""
UNCALIBRATED = "none"
_UPPER_ENDS = tuple(map(float, CONFIDENCE_BINS))


def confidence_bin(confidence: float) -> str:
    """Return the name of the bin that a confidence falls in.

    Args:
        confidence: 0 to 1; NaN where nothing was calibrated.
    """
    return UNCALIBRATED if math.isnan(confidence) else CONFIDENCE_BINS[bisect_left(_UPPER_ENDS, min(confidence, 1.0))]


class ErrorCounter:
    """Counts requests that a step has refused or failed, by the code that their callers got.

    Triton's own counter of failures cannot tell a caller's mistake from the server's.
    """

    def __init__(self, model: str) -> None:
        self._family = pb_utils.MetricFamily(
            name="vitrine_errors_total",
            description="Requests that a step answered with an error",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self._metrics = {
            code: self._family.Metric(labels={"model": model, "code": code})
            for code in (INVALID_ARG, INTERNAL, CANCELLED, UNAVAILABLE)
        }

    def count(self, code: str) -> None:
        self._metrics[code].increment(1)


class VerdictCounter:
    """Counts verdicts by language and confidence, each from 0 on: a rate sees the first one too."""

    def __init__(self, model: str) -> None:
        self._family = pb_utils.MetricFamily(
            name="vitrine_verdicts_total",
            description="Answers given, by verdict and by the bin of confidence that they fell in",
            kind=pb_utils.MetricFamily.COUNTER,
        )
        self._metrics = {
            (language, status, up_to): self._family.Metric(
                labels={"model": model, "language": language, "status": status, "confidence_up_to": up_to}
            )
            for language in LANGUAGES
            for status in (ANSWERED, CANNOT_TELL, HAND_OVER)
            for up_to in (*CONFIDENCE_BINS, UNCALIBRATED)
        }

    def count(self, language: str, status: str, confidence: float) -> None:
        self._metrics[language, status, confidence_bin(confidence)].increment(1)
