"""Figures that were measured, and how far chance alone could have moved each."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class Figure:
    section: str
    name: str
    value: float
    """A share, 0 to 1, where `of` is given."""
    of: int | None = None
    """Number that it is a share of; None: not a share."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % (Wilson) of a share."""
        if not self.of:
            return None
        from scipy.stats import binomtest

        found = binomtest(round(self.value * self.of), self.of).proportion_ci(method="wilson")
        return float(found.low), float(found.high)

    @property
    def text(self) -> str:
        return f"{self.value:.4f}" if self.of is None else f"{self.value:.2%}"


def share(section: str, name: str, hits: Sequence[bool]) -> list[Figure]:
    """A share as a figure; nothing where there is nothing to count."""
    return [Figure(section, name, sum(hits) / len(hits), len(hits))] if len(hits) else []


def figures_table(figures: Iterable[Figure]) -> str:
    """Format figures as text, a section a block."""
    lines = []
    for section, rows in groupby(figures, key=lambda figure: figure.section):
        lines += ["", section]
        for figure in rows:
            between = "{:.2%} to {:.2%}".format(*figure.interval) if figure.interval else ""
            of = "" if figure.of is None else f"of {figure.of}"
            lines.append(f"  {figure.name:<44}{figure.text:>9}  {of:<10} {between}".rstrip())
    return "\n".join(lines)
