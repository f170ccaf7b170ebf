"""Raw samples: one row a request, kept on disk, so that a long run takes no more memory than a short one."""

from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from loadtest.plan import REQUEST_KINDS

CODES = (
    "OK",
    "CANCELLED",
    "UNKNOWN",
    "INVALID_ARGUMENT",
    "DEADLINE_EXCEEDED",
    "NOT_FOUND",
    "RESOURCE_EXHAUSTED",
    "FAILED_PRECONDITION",
    "ABORTED",
    "UNIMPLEMENTED",
    "INTERNAL",
    "UNAVAILABLE",
    "NOT_SENT",
)
"""gRPC's codes that a server may answer with. NOT_SENT: it was due, but too many were under way, or the generator
had not come to it when the run ended. CANCELLED also: under way when the run was interrupted."""
VERDICTS = ("", "answered", "cannot_tell", "hand_over")

SAMPLE = np.dtype(
    [
        ("intended_s", "f8"),  # after the start of the run
        ("lag_s", "f4"),  # sent so much later than intended: the generator's own error
        ("latency_s", "f4"),  # from the intended time to the answer's end
        ("kind", "u1"),  # index into REQUEST_KINDS
        ("code", "u1"),  # index into CODES
        ("verdict", "u1"),  # index into VERDICTS
    ]
)
_ROWS = 4096


class SampleFile:
    """Collects samples, and appends them to a file in blocks."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("ab")
        self._rows = np.zeros(_ROWS, SAMPLE)
        self._count = 0

    def __enter__(self) -> "SampleFile":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def add(self, intended_s: float, lag_s: float, latency_s: float, kind: str, code: str, verdict: str = "") -> None:
        row = (intended_s, lag_s, latency_s, REQUEST_KINDS.index(kind), code_number(code), VERDICTS.index(verdict))
        self._rows[self._count] = row
        self._count += 1
        if self._count == _ROWS:
            self.flush()

    def flush(self) -> None:
        self._file.write(self._rows[: self._count].tobytes())
        self._file.flush()
        self._count = 0

    def close(self) -> None:
        self.flush()
        self._file.close()


def code_number(code: str) -> int:
    """Codes that no server should answer with count as UNKNOWN."""
    return CODES.index(code if code in CODES else "UNKNOWN")


def read_samples(folder: Path) -> NDArray[np.void]:
    """All samples of a run, of all its workers, by intended time."""
    parts = [np.fromfile(file, SAMPLE) for file in sorted(folder.glob("samples-*.bin"))]
    samples = np.concatenate(parts) if parts else np.zeros(0, SAMPLE)
    return samples[np.argsort(samples["intended_s"], kind="stable")]
