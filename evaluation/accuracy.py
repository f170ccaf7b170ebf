"""Accuracy from answered questions: plain counting, by kind and language."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Graded:
    """One question, asked and graded."""

    kind: str
    language: str
    question: str
    expected: str
    got: str
    status: str
    confidence: float | None = None
    """None: uncalibrated."""

    @property
    def right(self) -> bool:
        """Case and white space do not count."""
        return "".join(self.got.lower().split()) == "".join(self.expected.lower().split())


@dataclass(frozen=True)
class Share:
    right: int
    asked: int

    @property
    def ratio(self) -> float:
        return self.right / self.asked


def accuracy_by_group(graded: Iterable[Graded]) -> dict[str, Share]:
    """Shares of right answers: "all", each kind, each language, and each kind in each language ("colour, zh")."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for row in graded:
        for name in ("all", row.kind, row.language, f"{row.kind}, {row.language}"):
            groups[name].append(row.right)
    return {name: Share(sum(rights), len(rights)) for name, rights in sorted(groups.items())}
