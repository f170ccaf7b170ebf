"""Judges whether a soak went well."""

from collections.abc import Sequence

from checks.soak.report import Growth
from checks.soak.traffic import Tally

_LEAST_ANSWERED = 0.5
"""Share of right questions that must be answered, faults included; bursts, refused by right, do not count."""
_ASKED_RIGHTLY = ("new", "known", "several", "choose", "embed")


def problems_of(
    growths: Sequence[Growth], tally: Tally, faults: Sequence[str], restarts: int, *, max_growth: float
) -> list[str]:
    """List what went wrong, in words for people; []: it went well.

    Args:
        faults: what was done to the server, as `checks.soak.faults` says it.
        max_growth: the share that anything may have grown by over the last half.
    """
    problems = [f"answered wrongly: {wrong}" for wrong in tally.wrong[:5]]
    for growth in growths:
        if growth.mean == 0:
            problems.append(f"{growth.name}: none was found")
        if growth.share > max_growth:
            problems.append(f"{growth.name} grew by {growth.share:.2%}, more than {100 * max_growth:g}%")
    if not faults:
        problems.append("no fault was done")
    if restarts != len(faults):
        problems.append(f"{counted(len(faults), 'fault')}, but {counted(restarts, 'restart')}")
    problems += [
        f"only {share:.1%} of the calls of the kind {kind!r} were answered"
        for kind in _ASKED_RIGHTLY
        if (share := tally.share_answered(kind)) < _LEAST_ANSWERED
    ]
    return problems


def counted(number: int, what: str) -> str:
    """Write a number of things, such as "1 fault" or "2 faults"."""
    return f"{number} {what}{'' if number == 1 else 's'}"
