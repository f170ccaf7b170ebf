"""Rule of when a canary steps back: its answers differ from the old release's, beyond chance and by enough."""

import math
from dataclasses import dataclass, fields

_CHANCE = 3e-5
"""Probability of a difference between equal releases, above which it is none; as of four standard deviations."""
_MARGIN_OF_VERDICTS, _MARGIN_OF_ERRORS = 0.05, 0.01
LEAST_ANSWERS = 200
"""Number of answers of each release from which on their verdicts are compared."""


@dataclass(frozen=True)
class Counts:
    """Number of answers by verdict, and of errors."""

    answered: int = 0
    cannot_tell: int = 0
    hand_over: int = 0
    errors: int = 0
    """Requests refused as wrong, or failed by the server."""

    @property
    def answers(self) -> int:
        return self.answered + self.cannot_tell + self.hand_over

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(*(getattr(self, one.name) + getattr(other, one.name) for one in fields(self)))


def counts_since(start: Counts, now: Counts) -> Counts | None:
    """Subtract counters; None: they went back, so the server has been started anew."""
    change = [getattr(now, one.name) - getattr(start, one.name) for one in fields(now)]
    return Counts(*change) if min(change) >= 0 else None


def reason_to_step_back(old: Counts, new: Counts, own_answers: float) -> str | None:
    """Say in what the new release differs; None: in nothing that can be told from chance.

    Args:
        own_answers: how many answers of each release may have gone to its servers' own questions, which ask whether
            they live. They weigh most where few others come, so that so much more of a difference is needed.
    """
    calls_old, calls_new = old.answers + old.errors, new.answers + new.errors
    if _is_larger(new.errors, calls_new, old.errors, calls_old, _MARGIN_OF_ERRORS):
        return _difference("errors", new.errors, calls_new, old.errors, calls_old)
    if min(old.answers, new.answers) < LEAST_ANSWERS:
        return None
    margin = _MARGIN_OF_VERDICTS + own_answers / min(old.answers, new.answers)
    for name, words in (
        ("answered", "answers"),
        ("cannot_tell", "“cannot tell”"),
        ("hand_over", "answers handed over"),
    ):
        of_new, of_old = getattr(new, name), getattr(old, name)
        others = new.answers - of_new, new.answers, old.answers - of_old, old.answers
        if _is_larger(of_new, new.answers, of_old, old.answers, margin) or _is_larger(*others, margin):
            return _difference(words, of_new, new.answers, of_old, old.answers)
    return None


def _is_larger(count_new: int, total_new: int, count_old: int, total_old: int, margin: float) -> bool:
    if not total_new or not total_old or count_new / total_new - count_old / total_old < margin:
        return False
    return chance(count_new, total_new, count_old, total_old) < _CHANCE


def chance(count_new: int, total_new: int, count_old: int, total_old: int) -> float:
    """Compute how probable it is that so many or more fall to the new release, if both are equal.

    Fisher's exact test, one-sided: it holds for the first few calls too, where a normal distribution does not.
    """
    count, total = count_new + count_old, total_new + total_old

    def log_choices(of: int, some: int) -> float:
        return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)

    return sum(
        math.exp(
            log_choices(count, some) + log_choices(total - count, total_new - some) - log_choices(total, total_new)
        )
        for some in range(count_new, min(count, total_new) + 1)
        if total_new - some <= total - count
    )


def _difference(words: str, count_new: int, total_new: int, count_old: int, total_old: int) -> str:
    new, old = f"{count_new / total_new:.1%} of {total_new:,}", f"{count_old / total_old:.1%} of {total_old:,}"
    return f"{words}: {new} of the new release, {old} of the old one"
