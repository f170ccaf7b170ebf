"""What a new release must not do: forget, be wrong more often than it says, or say what it must not. Pure."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from evaluation.accuracy import Graded, by_group
from evaluation.figures import Figure
from evaluation.open_questions import REFUSED
from vitrine_steps.rules import AnswerRules, is_forbidden

_SHOWN = 12
_CHANCE = 0.05
"""Probability under which a loss is none of chance."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    before: float | None
    """Share, 0 to 1; None: of the new release alone."""
    after: float
    questions: int
    allowed: str
    passed: bool = True


@dataclass(frozen=True)
class Confusion:
    """A wrong answer that was given for a right one."""

    right: str
    said: str
    before: int
    """Times."""
    now: int


def accuracy_findings(title: str, before: Sequence[Graded], after: Sequence[Graded], most_lost: float) -> list[Finding]:
    """Compare right answers by kind and language, question by question.

    Args:
        most_lost: percentage points that all together may lose. So may each kind and language; where it loses more, it
            is refused if chance does not explain it (McNemar's exact test).
    """
    if [_key(row) for row in before] != [_key(row) for row in after]:
        raise ValueError("the two evaluations asked different questions")
    was, found = by_group(before), []
    for name, rows in by_group(after).items():
        pairs = [(old.right, new.right) for old, new in zip(was[name], rows, strict=True)]
        old_share, new_share = (sum(right) / len(pairs) for right in zip(*pairs, strict=True))
        lost = 100 * (old_share - new_share)
        is_kept = lost <= most_lost + 1e-9 or (name != "all" and _is_chance(pairs))
        allowed = f"{most_lost:g} points less, at most" + (", beyond chance" if name != "all" else "")
        found.append(Finding(f"{title}, {name}: right", old_share, new_share, len(rows), allowed, is_kept))
    return found


def risk_finding(title: str, rows: Sequence[Graded], risk: float) -> Finding:
    """Hold wrong answers among the given ones to the stated risk, as far as so few can show it is broken."""
    given = [row for row in rows if row.status == "answered"]
    wrong = sum(not row.right for row in given) / len(given) if given else 0.0
    interval = Figure("", "", wrong, len(given)).interval if given else None
    is_kept = interval is None or interval[0] <= risk
    what = f"{title}: wrong among given answers"
    return Finding(what, None, wrong, len(given), f"{risk:.1%}, within chance", is_kept)


def hand_over_finding(title: str, before: Sequence[Graded], after: Sequence[Graded]) -> Finding:
    """Say how much goes to people; nothing is refused for it."""
    was, now = (sum(row.status == "hand_over" for row in rows) / max(1, len(rows)) for rows in (before, after))
    return Finding(f"{title}: handed over", was, now, len(after), "")


def rules_finding(rows: Sequence[Graded], rules: AnswerRules) -> Finding:
    """Look for words of `never_say` in what was answered, on all questions together."""
    said = sum(is_forbidden(row.got, rules) for row in rows if row.status != REFUSED)
    return Finding("answers with a word of never_say", None, said / max(1, len(rows)), len(rows), "none", said == 0)


def grown_confusions(before: Sequence[Graded], after: Sequence[Graded]) -> list[Confusion]:
    """List what is taken for what more often than before, the most first."""
    old, new = (
        Counter((row.answers[0], row.got) for row in rows if not row.right and row.status == "answered")
        for rows in (before, after)
    )
    grown = [Confusion(*pair, old[pair], count) for pair, count in new.items() if count > old[pair]]
    return sorted(grown, key=lambda one: one.before - one.now)[:_SHOWN]


def _is_chance(pairs: Sequence[tuple[bool, bool]]) -> bool:
    from scipy.stats import binomtest

    lost, won = (sum(old is not new and old is was for old, new in pairs) for was in (True, False))
    return lost + won == 0 or float(binomtest(lost, lost + won, alternative="greater").pvalue) >= _CHANCE


def _key(row: Graded) -> tuple[str, ...]:
    return row.photo, row.question, row.kind, row.language
