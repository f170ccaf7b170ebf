"""TensorRT's messages: kept for an error's sentence, not printed."""

import functools
from typing import Any

_KEPT = 3


@functools.cache
def log_of(trt: Any) -> Any:
    """Return the log of a module of TensorRT, one a process: it goes on with the first that it was given.

    Args:
        trt: the module of TensorRT, or of TensorRT for RTX.

    Returns:
        An `ILogger` with `reason()`, the first errors since `clear()`, and `lines`, everything but what is verbose.
    """
    severity = trt.ILogger.Severity

    class Log(trt.ILogger):  # type: ignore[misc]  # the module is known at run time only
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self.lines: list[str] = []
            self._errors: list[str] = []

        def log(self, level: Any, msg: str) -> None:
            if level in (severity.INTERNAL_ERROR, severity.ERROR):
                self._errors.append(msg)
            if level != severity.VERBOSE:
                self.lines.append(msg)

        def clear(self) -> None:
            self.lines, self._errors = [], []

        def reason(self) -> str:
            """Return the first errors: those after them are mostly their consequences."""
            return "; ".join(self._errors[:_KEPT]) or "TensorRT gave no reason"

    return Log()
