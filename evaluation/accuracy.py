"""Accuracy from answered questions: plain counting, by kind and language."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from evaluation.figures import Figure, share
from evaluation.vqa_rule import vqa_score

SECTION = "accuracy"
VQA_SECTION = "accuracy by the VQA-v2 rule"


@dataclass(frozen=True)
class Graded:
    """Question that was asked and graded."""

    photo: str
    kind: str
    language: str
    question: str
    answers: tuple[str, ...]
    """Right ones, as people gave them."""
    got: str
    status: str
    confidence: float | None = None
    """Confidence of the answer; None: uncalibrated."""

    @property
    def right(self) -> bool:
        """Return True if the answer is one of the right ones; case and white space do not count."""
        return plain(self.got) in map(plain, self.answers)

    @property
    def score(self) -> float:
        """Return the score by the VQA-v2 rule, 0 to 1."""
        return vqa_score(self.got, self.answers)


def plain(text: str) -> str:
    return "".join(text.lower().split())


def by_group(graded: Iterable[Graded]) -> dict[str, list[Graded]]:
    """ "all", each language, each kind, and each kind in each language ("colour, zh"), where there is more than one."""
    groups: dict[str, list[Graded]] = defaultdict(list)
    for row in graded:
        for name in ("all", row.language, row.kind, f"{row.kind}, {row.language}"):
            groups[name].append(row)
    order = sorted(groups, key=lambda name: (name != "all", name not in ("en", "zh"), name))
    return {name: groups[name] for name in order}


def accuracy_figures(graded: Sequence[Graded]) -> list[Figure]:
    """Shares of exactly right answers; and by the VQA-v2 rule where several people answered."""
    groups = by_group(graded)
    found = [figure for name, rows in groups.items() for figure in share(SECTION, name, [row.right for row in rows])]
    if any(len(row.answers) > 1 for row in graded):
        found += [
            Figure(VQA_SECTION, name, sum(row.score for row in rows) / len(rows)) for name, rows in groups.items()
        ]
    return found
