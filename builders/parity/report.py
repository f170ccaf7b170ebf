"""How one output compares with the reference, and all of them as a table."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from builders.errors import BuildError


@dataclass(frozen=True)
class OutputReport:
    """How one output compares with the reference."""

    output: str
    rows: int
    max_abs_difference: float
    min_cosine: float | None
    equal_ratio: float | None
    bound: float | None
    """Least cosine where there is one, else least equal share where there is one, else greatest difference; None: it is
    shown, and nothing is decided by it."""
    passed: bool


def require_parity(reports: Sequence[OutputReport], *, what: str = "the engines") -> None:
    """
    Raises:
        BuildError: an output is out of tolerance; all of them are listed.
    """
    if not all(report.passed for report in reports):
        raise BuildError(
            f"{what} do not answer like the checkpoint, so nothing was written:\n{parity_table(reports)}\n"
            "With TensorRT, try another --precision or --optimization-level; else report the checkpoint with this table"
        )


def parity_table(reports: Sequence[OutputReport]) -> str:
    """The reports as text, a line an output."""
    lines = [f"  {'output':<18} {'rows':>5} {'max |diff|':>11} {'min cosine':>11} {'equal':>8}  allowed"]
    for r in reports:
        cosine = "" if r.min_cosine is None else f"{r.min_cosine:.7f}"
        equal = "" if r.equal_ratio is None else f"{r.equal_ratio:.2%}"
        verdict = "ok" if r.passed else "FAILED"
        found = f"{r.rows:>5} {r.max_abs_difference:>11.2e} {cosine:>11} {equal:>8}"
        lines.append(f"  {r.output:<18} {found}  {_allowed(r):<16}  {verdict}")
    return "\n".join(lines)


def _allowed(report: OutputReport) -> str:
    if report.bound is None:
        return ""
    if report.min_cosine is not None:
        return f"cosine >= {report.bound:g}"
    return f"|diff| <= {report.bound:g}" if report.equal_ratio is None else f"equal >= {100 * report.bound:g}%"


def report_rows(reports: Sequence[OutputReport]) -> list[dict[str, Any]]:
    return [asdict(report) for report in reports]


def vector_report(name: str, got: NDArray[Any], expected: NDArray[np.float32], least: float) -> OutputReport:
    cosine = min_cosine(got, expected)
    finite = bool(np.isfinite(got).all())
    return OutputReport(name, len(got), max_abs(got, expected), cosine, None, least, finite and cosine >= least)


def tokens_report(name: str, got: NDArray[Any], expected: NDArray[Any], min_equal_ratio: float) -> OutputReport:
    equal_ratio = float((got == expected).all(axis=1).mean())
    return OutputReport(
        name, len(got), max_abs(got, expected), None, equal_ratio, min_equal_ratio, equal_ratio >= min_equal_ratio
    )


def output_report(name: str, got: NDArray[Any], expected: NDArray[np.float32], most: float | None) -> OutputReport:
    """Report on log-probabilities; those of the decoder are judged through the tokens that they choose."""
    difference = max_abs(got, expected)
    passed = bool(np.isfinite(got).all()) and (most is None or difference <= most)
    return OutputReport(name, len(got), difference, None, None, most, passed)


def min_cosine(got: NDArray[Any], expected: NDArray[Any]) -> float:
    """Smallest cosine between vectors along the last axis; NaN where there is one."""
    a, b = got.astype(np.float64), expected.astype(np.float64)
    norms = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    return float(((a * b).sum(-1) / np.maximum(norms, 1e-30)).min())


def max_abs(got: NDArray[Any], expected: NDArray[Any]) -> float:
    return float(np.abs(got.astype(np.float64) - expected.astype(np.float64)).max())
