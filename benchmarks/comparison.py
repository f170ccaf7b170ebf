"""Combinations that are measured, and ratios of their figures. Pure."""

import statistics
from dataclasses import dataclass

FLOOR = "floor"


@dataclass(frozen=True, order=True)
class Cell:
    """Combination that is measured in every round."""

    mix: str
    concurrency: int
    system: str

    def seed(self, round_number: int) -> str:
        """Name the seed of its photos: the same for every system, and for no other cell or round."""
        return f"{self.mix}, {self.concurrency} callers, round {round_number}"


@dataclass(frozen=True)
class Spread:
    """Median and extremes of one figure over several rounds."""

    median: float
    least: float
    most: float
    rounds: int

    def __str__(self) -> str:
        digits = 0 if self.median >= 100 else 1 if self.median >= 10 else 2
        if self.rounds == 1:  # one figure has no spread to show
            return f"{self.median:.{digits}f}"
        return f"{self.median:.{digits}f} ({self.least:.{digits}f} to {self.most:.{digits}f})"


Rates = dict[Cell, list[float]]
"""Questions a second, of each round."""


def spread(values: list[float]) -> Spread:
    return Spread(statistics.median(values), min(values), max(values), len(values))


def ratio(rates: Rates, ours: Cell, theirs: Cell) -> Spread | None:
    """Divide our rate by theirs, of each round by itself, so that a machine that slows down troubles both alike.

    None where one was not measured.
    """
    pairs = list(zip(rates.get(ours, []), rates.get(theirs, []), strict=False))
    return spread([our / their for our, their in pairs]) if pairs else None


def rotate(cells: list[Cell], number: int) -> list[Cell]:
    """Order the cells of a round: systems of one mix and concurrency in a row, another one first each time.

    The floor goes beside those with sixteen callers, which it is compared with.
    """
    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in cells:
        groups.setdefault((cell.mix, 16 if cell.system == FLOOR else cell.concurrency), []).append(cell)
    order = []
    for group in groups.values():
        first = number % len(group)
        order += group[first:] + group[:first]
    return order
