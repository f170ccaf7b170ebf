"""TensorRT's messages: kept for an error's sentence, not printed."""

import tensorrt as trt

_KEPT = 3


class KeepingLogger(trt.ILogger):
    def __init__(self) -> None:
        trt.ILogger.__init__(self)
        self._errors: list[str] = []
        self.warnings: list[str] = []

    def log(self, severity: trt.ILogger.Severity, msg: str) -> None:
        if severity in (trt.ILogger.Severity.INTERNAL_ERROR, trt.ILogger.Severity.ERROR):
            self._errors.append(msg)
        elif severity == trt.ILogger.Severity.WARNING:
            self.warnings.append(msg)

    def reason(self) -> str:
        """The first errors: those after them are mostly their consequences."""
        return "; ".join(self._errors[:_KEPT]) or "TensorRT gave no reason"
