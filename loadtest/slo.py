"""Service level objectives: read from a file, and held against a report."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from loadtest.yaml_file import YamlFileError, read_values


class SloError(ValueError):
    """The file is wrong; says in which line, and what is expected."""


@dataclass(frozen=True)
class Slo:
    """Objectives over the measured part of a run. None: not asked for."""

    p50_ms: float | None = None
    p90_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    max_error_ratio: float | None = None
    min_goodput_per_s: float | None = None
    min_achieved_ratio: float | None = None
    """Achieved rate over the asked one, 0 to 1."""

    @property
    def has_latencies(self) -> bool:
        return any(limit is not None for limit in (self.p50_ms, self.p90_ms, self.p95_ms, self.p99_ms))

    def broken(self, figures: dict[str, Any]) -> list[str]:
        """List what does not hold, in words; empty if all does.

        Args:
            figures: of a report.
        """
        found = []
        for name in ("p50", "p90", "p95", "p99"):
            limit = getattr(self, f"{name}_ms")
            got = figures["latency_ms"]["all"].get(name)
            if limit is not None and (got is None or got > limit):
                found.append(f"{name} is {'unknown' if got is None else f'{got:.1f} ms'}, more than {limit:g} ms")
        asked = figures["asked_rate_per_s"]
        ratio = figures["achieved_rate_per_s"] / asked if asked else 0.0
        if self.max_error_ratio is not None and figures["error_ratio"] > self.max_error_ratio:
            codes = ", ".join(f"{code} {count}" for code, count in figures["codes"].items() if code != "OK")
            found.append(f"{figures['error_ratio']:.2%} failed, more than {self.max_error_ratio:.2%} ({codes})")
        if self.min_goodput_per_s is not None and figures["goodput_per_s"] < self.min_goodput_per_s:
            found.append(f"goodput is {figures['goodput_per_s']:.1f}/s, less than {self.min_goodput_per_s:g}/s")
        if self.min_achieved_ratio is not None and ratio < self.min_achieved_ratio:
            found.append(f"{ratio:.1%} of the asked rate was achieved, less than {self.min_achieved_ratio:.1%}")
        if not figures["requests"]:
            found.append("no request was measured")
        return found


def read_slo(file: Path) -> Slo:
    """Read objectives from lines such as `p99_ms: 200`.

    Raises:
        SloError: names the line and the field.
    """
    known = [field.name for field in fields(Slo)]
    expected = f"lines such as `p99_ms: 200` are expected, of {', '.join(known)}"
    values: dict[str, float] = {}
    try:
        for name, line, value in read_values(file, known, what="objective", expected=expected):
            if type(value) not in (int, float) or value < 0:
                raise SloError(
                    f"{file.name}, line {line}: {name} is {str(value)!r}, but a number of 0 or more is expected"
                )
            values[name] = float(value)
    except YamlFileError as error:
        raise SloError(str(error)) from error
    if not values:
        raise SloError(f"{file.name}: {expected}")
    return Slo(**values)
